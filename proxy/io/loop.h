#pragma once

#include <uv.h>

#include <cassert>
#include <functional>

namespace proxy {

/// Owns an event loop. Everything that uses it must be gone before it.
class Loop {
 public:
  Loop() { uv_loop_init(&loop_); }
  Loop(const Loop&) = delete;
  ~Loop() {
    // The handles are closed, and freed in the callbacks that run here.
    uv_run(&loop_, UV_RUN_DEFAULT);
    [[maybe_unused]] const int status = uv_loop_close(&loop_);
    assert(status == 0);
  }

  [[nodiscard]] uv_loop_t& get() { return loop_; }

  void run_until(const std::function<bool()>& over) {
    while (!over()) uv_run(&loop_, UV_RUN_ONCE);
  }

 private:
  uv_loop_t loop_;
};

}  // namespace proxy
