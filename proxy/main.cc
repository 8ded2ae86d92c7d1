#include "proxy/run_program.h"

int main(int argc, char** argv) {
  return proxy::run_program(
      proxy::kWholeProgram,
      proxy::perform<proxy::serve, proxy::wrap, proxy::run, proxy::testr, proxy::tunnel,
                     proxy::command_server, proxy::guard, proxy::self_check, proxy::write_archive>,
      argc, argv);
}
