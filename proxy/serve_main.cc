#include "proxy/run_program.h"

// What a test machine needs.
int main(int argc, char** argv) {
  return proxy::run_program(proxy::kServeProgram,
                            proxy::perform<proxy::serve, proxy::wrap, proxy::command_server,
                                           proxy::guard, proxy::self_check>,
                            argc, argv);
}
