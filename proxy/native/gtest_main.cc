#include <subunit-proxy/gtest.h>

int main(int argc, char** argv) {
  return subunit_proxy::run_gtest(argc, argv);
}
