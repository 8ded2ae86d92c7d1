"""What the package uses of Python's own library. Python 3.7 has all of it."""

NAMES = frozenset(
    """_signal _signal.SIGKILL _signal.SIG_BLOCK _signal.SIG_SETMASK _signal.pthread_sigmask
_thread.allocate_lock _thread.start_new_thread argparse argparse.ArgumentParser
argparse.ArgumentTypeError argparse.RawDescriptionHelpFormatter array array.array atexit
atexit._clear atexit._run_exitfuncs builtins collections.Counter collections.deque contextvars
contextvars.Context copy copy.copy ctypes ctypes.CDLL dataclasses.dataclass datetime
datetime.datetime datetime.datetime.now datetime.timedelta datetime.timezone.utc enum enum.Enum
errno errno.EADDRINUSE errno.EEXIST errno.ENOENT fcntl fcntl.F_DUPFD_CLOEXEC fcntl.fcntl fcntl.ioctl
importlib importlib.invalidate_caches importlib.machinery.SourceFileLoader
importlib.machinery.SourceFileLoader.path_stats io io.TextIOBase io.TextIOWrapper json json.dumps
json.loads math math.inf math.nan os os.O_CLOEXEC os.O_RDONLY os.O_WRONLY os.P_PID os.WEXITED
os.WEXITSTATUS os.WIFSIGNALED os.WNOWAIT os.WTERMSIG os._exit os.chmod os.close os.dup2 os.environ
os.environ.get os.environ.pop os.fork os.fsdecode os.fstat os.getcwd os.geteuid os.getpid os.getppid
os.kill os.listdir os.lstat os.open os.path.abspath os.path.basename os.path.dirname os.path.join
os.pathsep os.pathsep.join os.pipe2 os.pread os.read os.register_at_fork os.scandir os.sched_yield
os.set_blocking os.stat os.unlink os.waitid os.waitpid os.write pprint.pformat re re.MULTILINE
re.compile re.escape re.findall resource resource.RLIMIT_CORE resource.setrlimit select select.POLLIN
select.POLLOUT select.poll select.select signal signal.SIGHUP signal.SIGINT signal.SIGKILL
signal.SIGPIPE signal.SIGRTMAX signal.SIGRTMIN signal.SIGTERM signal.SIGXFSZ signal.SIG_DFL
signal.SIG_IGN signal.SIG_SETMASK signal.Signals signal.default_int_handler signal.getsignal
signal.pthread_sigmask signal.signal site site.getsitepackages site.getusersitepackages socket
socket.AF_NETLINK socket.AF_UNIX socket.AI_PASSIVE socket.IPPROTO_TCP socket.MSG_DONTWAIT
socket.MSG_NOSIGNAL socket.SHUT_WR socket.SOCK_RAW socket.SOCK_STREAM socket.SOL_SOCKET
socket.SO_KEEPALIVE socket.SO_REUSEADDR socket.TCP_KEEPIDLE socket.TCP_KEEPINTVL socket.TCP_NODELAY
socket.create_connection socket.getaddrinfo socket.inet_pton socket.socket socket.timeout stat
stat.S_ISFIFO stat.S_ISSOCK struct struct.Struct struct.calcsize struct.pack struct.unpack sys
sys.__stderr__ sys.__stdout__ sys.dont_write_bytecode sys.exc_info sys.flags
sys.flags.isolated sys.getrecursionlimit sys.meta_path sys.meta_path.append sys.meta_path.remove
sys.modules sys.modules.get sys.path sys.setrecursionlimit sys.stderr sys.stdout sysconfig
sysconfig.get_paths termios termios.FIONREAD termios.TIOCOUTQ threading threading._shutdown
threading.current_thread threading.enumerate time time.monotonic time.monotonic_ns time.sleep
time.time_ns traceback traceback.TracebackException traceback.print_exc types types.FunctionType
types.MethodType typing.Any typing.Callable typing.Collection typing.Container typing.Deque
typing.Dict typing.FrozenSet typing.Iterable typing.Iterator typing.List typing.NamedTuple
typing.NoReturn typing.Optional typing.Sequence typing.Set typing.Tuple typing.Union unittest
unittest.BaseTestSuite unittest.SkipTest unittest.TestCase unittest.TestLoader unittest.TestProgram
unittest.TestResult unittest.TestSuite unittest.case unittest.loader unittest.loader._FailedTest
unittest.loader._make_failed_import_test unittest.loader._make_skipped_test
unittest.suite._ErrorHolder unittest.util.strclass zlib zlib.crc32
""".split()
)
