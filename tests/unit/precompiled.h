// As common/base/precompiled.h, for the unit tests.

#include <doctest/doctest.h>

#include "common/base/precompiled.h"
