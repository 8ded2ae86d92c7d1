"""The built-in functions as they are before any test is imported.

    __builtins__ = BUILTINS

at the top of a module has its functions, and those of its classes, look up len, map, isinstance
and the like here (CPython takes what stands there when a function is made). Tests that replace
them in the module builtins replace them for themselves. The modules through which a result is
reported do that.
"""

import builtins
from typing import Any, Dict

BUILTINS: Dict[str, Any] = dict(vars(builtins))
