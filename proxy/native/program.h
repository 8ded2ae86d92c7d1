#pragma once

#include "proxy/native/suite.h"

namespace proxy::native {

/// What a program with tests was asked for on its command line.
struct Options {
  bool serve = false;  ///< --subunit-rpc
  bool fork = true;    ///< unless --no-fork

  [[nodiscard]] static Options parse(int argc, const char* const* argv);
};

/// All that the program does if it was asked to serve: returns its exit status, 3 if it could not
/// serve to the end. Says why on stderr.
[[nodiscard]] int serve(Suite& suite, const Options& options);

/// A line for people, on stderr.
void say(const std::string& text);

}  // namespace proxy::native
