// As common/base/precompiled.h, for what links libuv.

#include <uv.h>

#include "common/base/precompiled.h"
