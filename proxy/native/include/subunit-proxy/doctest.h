// doctest programs as test servers of subunit-proxy. C++14; pkg-config: subunit-doctest-main.
//
// Linked with subunit-doctest-main in place of a file with DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN, a
// program is what it was, with all its options. Started with --subunit-rpc, it is a test server:
//
//     subunit-proxy run -- ssh board subunit-proxy serve -- ./my_tests --subunit-rpc
//
// A program with a main of its own, and DOCTEST_CONFIG_IMPLEMENT beside it, calls run_doctest(). If
// that is in a shared library, it has to come before subunit-doctest-main when they are linked.
//
// - A test id is the test case's name. Where several test cases have one name, it is
//   "stack_test.cc: NAME", with more of the path or with the line if that is what tells them apart,
//   and with " #2" at the end of the second one if nothing does, as in a template for two types of
//   one name. doctest's filters limit what is listed. The name of the suite is a tag.
// - Each Run is done in a process that is forked from the one that has everything loaded. A crash
//   or exit() fails the test in progress, and a new process does the rest. With --no-fork Runs are
//   done in the server itself, which such a test ends.
// - A program that has started threads before is started afresh for each Run.
// - Failed asserts and exceptions become the attachment "failure", with the subcases and what
//   INFO() tells; MESSAGE() and WARN() become "message".
// - Whether a test counts as failed is doctest's decision. One that has failed as it should or may
//   (should_fail, may_fail, expected_failures) is an expected failure; one that should have failed
//   and has not is an unexpected success. skip() skips it, unless --no-skip is given.
// - Tests run in doctest's order, whatever the order of the request.
// - Counting, listing, --first, --last and --abort-after are left to the client.
#ifndef SUBUNIT_PROXY_DOCTEST_H_
#define SUBUNIT_PROXY_DOCTEST_H_

namespace doctest {
class Context;
}

namespace subunit_proxy {

/// Serves if --subunit-rpc is among the arguments, otherwise does what doctest's main does. Returns
/// the exit status for main().
int run_doctest(int argc, char** argv);

/// The same in place of context.run(), for a program that sets options of its own. The context has
/// been given the command line before.
int run_doctest(doctest::Context& context, int argc, char** argv);

}  // namespace subunit_proxy

#endif
