"""Which architecture does my data reward? Convolution sees the grid, recurrence hears the sequence."""

import lazy_loader

__version__ = "0.1.0"

# The public names stand in __init__.pyi, once, for people, checkers and completion alike.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
