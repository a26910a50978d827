"""A recurrent node of ONNX Runtime behind a pipe: inference, time before batch as it wants it."""

from gated_pipe import THREADS, numbers, reorder, serve  # first: it chooses the processors

import numpy as np  # isort: skip
import onnx  # isort: skip
import onnxruntime  # isort: skip
from onnx import TensorProto, helper, numpy_helper  # isort: skip

ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}


def model(cell, weights, x):
    w_x, w_h, b_x, b_h = (reorder(v, ORDER[cell]) for v in weights)
    values = {"W": w_x, "R": w_h, "B": np.concatenate([b_x, b_h])}
    extra = {"linear_before_reset": 1} if cell == "gru" else {}
    node = helper.make_node(cell.upper(), ["x", *values], ["y"], hidden_size=w_h.shape[1], **extra)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", x.shape), ("y", (len(x), 1, x.shape[1], w_h.shape[1])))
    ]
    constants = [numpy_helper.from_array(v[None], name) for name, v in values.items()]
    graph = helper.make_graph([node], cell, ends[:1], ends[1:], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=10)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def prepare(gradients, cell, *sizes):
    if gradients:
        return [], None
    *weights, x, _ = numbers(cell, *sizes)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    x = np.ascontiguousarray(x.swapaxes(0, 1))
    session = onnxruntime.InferenceSession(model(cell, weights, x), options)
    given = onnxruntime.OrtValue.ortvalue_from_numpy(x)
    out = onnxruntime.OrtValue.ortvalue_from_shape_and_type((len(x), 1, *x.shape[1:]), np.float32)
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", given)
    binding.bind_ortvalue_output("y", out)

    def bound():
        session.run_with_iobinding(binding)
        return out

    def plain():
        return session.run_with_ort_values(["y"], {"x": given})[0]

    return [bound, plain], lambda y: [y.numpy()[:, 0].swapaxes(0, 1)]


serve(prepare, onnxruntime=onnxruntime.__version__)
