/* Which registers the switch keeps: those that a probe can look at, and those that execution itself hangs on. */
#if defined(__x86_64__)
#define KEPT(X) X(rbx) X(rbp) X(r12) X(r13) X(r14) X(r15)
#define NEEDED(X) X(rsp)
#elif defined(__aarch64__)
#define KEPT(X) \
    X(x19) X(x20) X(x21) X(x22) X(x23) X(x24) X(x25) X(x26) X(x27) X(x28) X(x29) \
    X(d8) X(d9) X(d10) X(d11) X(d12) X(d13) X(d14) X(d15)
#define NEEDED(X) X(x30) X(sp)
#else
#error "no switch for this architecture"
#endif
