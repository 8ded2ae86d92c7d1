#pragma once

#include "common/base/shell_words.h"

namespace subunit::push {

/// What `run --push -- CHANNEL… -- SERVE…` asks for.
struct PushWords {
  Words channel;  ///< a command that gives a shell on its stdin
  Words serve;    ///< the arguments of `serve` there, with the "--" before the server's command
};

/// Splits what stands behind the first "--", or in a `--channel`.
///
/// The second "--" ends the channel's command. One that only stands before a shell, as in `kubectl
/// exec -i pod -- sh -- …`, is part of it. To `exec` of podman, docker and the like a shell is
/// added where there is none, and to ssh the -T that a shell without a terminal takes.
///
/// An Error if there is no second "--", or nothing before or after it.
[[nodiscard]] Result<PushWords> split_push_words(const Words& words);

}  // namespace subunit::push
