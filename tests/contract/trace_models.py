"""Run by test_tracing.py without the type checks of the suite, which no tracer can look through."""

import sys

from bicameral import registry
from bicameral.testing import model_laws, tracing


def main(names):
    failed = 0
    for entry in map(registry.entry, names):
        for name, law in model_laws(entry):
            if law.func in tracing.LAWS and name not in entry.exempt:
                try:
                    law()
                except Exception as error:
                    failed += 1
                    sys.stderr.write(f"{entry.name} {name}: {type(error).__name__}: {error}\n")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
