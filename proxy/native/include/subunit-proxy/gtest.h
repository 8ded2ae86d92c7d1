// GoogleTest programs as test servers of subunit-proxy. C++14; pkg-config: subunit-gtest-main.
//
// Linked with subunit-gtest-main in place of gtest_main, a program is what it was, with all its
// flags. Started with --subunit-rpc, it is a test server:
//
//     subunit-proxy run -- ssh board subunit-proxy serve -- ./my_tests --subunit-rpc
//
// A program with a main of its own calls run_gtest() where it would call RUN_ALL_TESTS().
//
// - Test ids are Suite.Name, as in --gtest_filter, which limits what is listed.
// - Each Run is done in a process that is forked from the one that has everything loaded, where
//   environments are set up once. A crash or exit() fails the test in progress, and a new process
//   does the rest. With --no-fork Runs are done in the server itself, which such a test ends.
// - A program that has started threads before is started afresh for each Run.
// - Failures become the attachment "failure", the reason of GTEST_SKIP() "reason", the parameter of
//   a test that failed "parameter", and what RecordProperty() has recorded "properties".
// - Tests run in GoogleTest's order, whatever the order of the request.
// - DISABLED_ tests are not listed. If asked for by name they are skipped, unless
//   --gtest_also_run_disabled_tests is given.
// - If an environment or SetUpTestSuite() fails, so do the tests that GoogleTest then does not run.
//   A failure that GoogleTest gives to no test has the id "Environment::SetUp",
//   "Environment::TearDown" or "TearDownTestSuite (Suite)".
// - Repeating, shuffling, sharding, stopping early and reports in files are left to the client:
//   flags for these are ignored, with a line on stderr.
#ifndef SUBUNIT_PROXY_GTEST_H_
#define SUBUNIT_PROXY_GTEST_H_

namespace subunit_proxy {

/// Serves if --subunit-rpc is among the arguments, otherwise returns RUN_ALL_TESTS(). Calls
/// testing::InitGoogleTest() if that was not called before. Returns the exit status for main().
int run_gtest(int argc, char** argv);

}  // namespace subunit_proxy

#endif
