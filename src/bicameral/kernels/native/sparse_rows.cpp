// y[b, r, :] = sum of values[k] x[b, columns[k], :] over the entries k of row r: a sparse matrix times the
// nodes of every example, which stays in the caches.
#include "sparse_rows.hpp"

#include "channels.hpp"
#include "interface.hpp"

using namespace bicameral;

BICAMERAL_EXPORT void sparse_rows(long batch, long rows, long nodes, long width, long threads,
                                  const int* starts, const int* columns, const float* values, const float* x,
                                  float* y) {
  SparseRows m = {starts, columns, values};
  parallel_for(batch, threads_for(batch * rows * width, threads),
               [&](long b) { sum_rows(m, rows, width, x + b * nodes * width, y + b * rows * width); });
}

BICAMERAL_DESCRIBE(sparse_rows)
