#pragma once

#include "dense_code.h"
#include "frame.h"

namespace subunit::link {

/// Appends the frame and its LF: to be written with one write(), since the kernel prints its own
/// lines between two. `frame.body` is at most kMaxBody long. Not for kDense.
void encode_frame(const Frame& frame, Buffer& out);

/// The same with the body in `code`, where it takes at most kMaxBodyText.
void encode_dense_frame(const Frame& frame, const DenseCode& code, Buffer& out);

}  // namespace subunit::link
