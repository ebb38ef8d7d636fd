/*
 * The switch between stacks, without any Rust: every register that it must keep, chains of fibers, suspended
 * recursion, canaries, floats; and the same with one register left out at a time, which must be reported.
 *
 * Prints a line for each case. Exit 0: the switch keeps everything, and every control was reported.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "registers.h"

typedef uintptr_t word;
typedef struct { void *sp; } control;
typedef word (*switch_fn)(control *, word);
typedef void (*prepare_fn)(control *, void *top, word (*start)(void *, word), void *argument);
typedef struct { const char *omitted; switch_fn go; prepare_fn prepare; } variant;

extern word sx_probe(switch_fn, control *, word, const uint64_t *in, uint64_t *out);

#define DECLARE(prefix) \
    extern word prefix##_switch(control *, word); \
    extern void prefix##_prepare(control *, void *, word (*)(void *, word), void *);
#define DECLARE_WITHOUT(reg) DECLARE(sx_without_##reg)
DECLARE(sx_fiber)
KEPT(DECLARE_WITHOUT)
NEEDED(DECLARE_WITHOUT)

#define ENTRY(reg) { #reg, sx_without_##reg##_switch, sx_without_##reg##_prepare },
static const variant whole = { NULL, sx_fiber_switch, sx_fiber_prepare };
static const variant kept[] = { KEPT(ENTRY) };
static const variant needed[] = { NEEDED(ENTRY) };

#define NAME(reg) #reg,
static const char *const names[] = { KEPT(NAME) };
enum { REGISTERS = sizeof names / sizeof *names, STACK = 64 << 10, ROUNDS = 1000, DEPTH = 64 };

static void *new_stack(void)
{
    char *at = mmap(NULL, STACK + (16 << 10), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || mprotect(at, 16 << 10, PROT_NONE)) {
        perror("stack");
        exit(2);
    }
    return at + STACK + (16 << 10);
}

/* What a run has shown. */
static uint64_t lost; /* a bit for each register that didn't survive */
static long survivors; /* how often a register survived */
static long wrong; /* words, canaries and values that weren't what they should be */

static void check(int ok)
{
    if (!ok) wrong++;
}

/* One switch with distinct values in every register. */
static word probed(const variant *v, control *c, word w, uint64_t seed)
{
    uint64_t in[REGISTERS], out[REGISTERS];
    for (int i = 0; i < REGISTERS; i++) in[i] = (seed << 32 | (uint64_t)(i + 1) << 16 | w) * 0x9e3779b97f4a7c15u;
    word result = sx_probe(v->go, c, w, in, out);
    for (int i = 0; i < REGISTERS; i++) {
        if (in[i] == out[i]) survivors++;
        else lost |= (uint64_t)1 << i;
    }
    return result;
}

typedef struct { const variant *v; control c; uint64_t seed; long ran; } peer;

static word peer_body(void *argument, word w)
{
    peer *p = argument;
    for (int i = 0; i < ROUNDS; i++) {
        check(w == (word)i);
        p->ran++;
        w = probed(p->v, &p->c, w + 7, p->seed);
    }
    return w;
}

/* Two fibers and their resumer, each with values of its own in all registers. */
static void registers_survive(const variant *v)
{
    peer peers[2] = { { v, { 0 }, 0xa, 0 }, { v, { 0 }, 0xb, 0 } };
    for (int i = 0; i < 2; i++) v->prepare(&peers[i].c, new_stack(), peer_body, &peers[i]);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < 2; i++) check(probed(v, &peers[i].c, round, 0xc) == (word)round + 7);
    for (int i = 0; i < 2; i++) check(peers[i].ran == ROUNDS);
}

/* Values on the stack that nobody may change. */
enum { CANARIES = 32 };

static void plant(volatile uint64_t *canary, uint64_t seed)
{
    for (int i = 0; i < CANARIES; i++) canary[i] = seed * 0x9e3779b97f4a7c15u + i;
}

static void look(const volatile uint64_t *canary, uint64_t seed)
{
    for (int i = 0; i < CANARIES; i++) check(canary[i] == seed * 0x9e3779b97f4a7c15u + i);
}

typedef struct { const variant *v; control c[DEPTH]; long reached; } chain;
typedef struct { chain *all; int level; } rung;

static word rung_body(void *argument, word w)
{
    rung me = *(rung *)argument;
    chain *all = me.all;
    volatile uint64_t canary[CANARIES];
    plant(canary, me.level);
    all->reached++;
    if (me.level + 1 < DEPTH) {
        rung next = { all, me.level + 1 };
        all->v->prepare(&all->c[me.level + 1], new_stack(), rung_body, &next);
        for (int i = 0; i < 3; i++) {
            look(canary, me.level);
            check(all->v->go(&all->c[me.level + 1], w) == w + (word)(DEPTH - me.level - 1));
            look(canary, me.level);
            if (i < 2) w = all->v->go(&all->c[me.level], w + (word)(DEPTH - me.level));
        }
    } else {
        for (int i = 0; i < 2; i++) {
            look(canary, me.level);
            w = all->v->go(&all->c[me.level], w + 1);
            look(canary, me.level);
        }
    }
    look(canary, me.level);
    return w + (word)(DEPTH - me.level);
}

/* Fibers that resume fibers; every level suspends with all those below it suspended, and goes on. */
static void chains_hold(const variant *v)
{
    static chain all;
    all.v = v;
    rung first = { &all, 0 };
    v->prepare(&all.c[0], new_stack(), rung_body, &first);
    for (word i = 1; i <= 3; i++) check(v->go(&all.c[0], i * 100) == i * 100 + DEPTH);
    check(all.reached == DEPTH);
}

typedef struct { const variant *v; control c; } diver;

static word dive(diver *d, int depth, word w)
{
    volatile uint64_t canary[CANARIES];
    plant(canary, depth);
    if (depth == 0) {
        look(canary, depth);
        w = d->v->go(&d->c, w + 1);
    } else {
        w = dive(d, depth - 1, w);
    }
    look(canary, depth);
    if (depth % 8 == 0) {
        w = d->v->go(&d->c, w + 1);
        look(canary, depth);
    }
    return w;
}

static word dive_body(void *argument, word w)
{
    return dive(argument, 64, w);
}

/* Recursion that suspends at the bottom, and on its way back, while another does the same. */
static void recursion_holds(const variant *v)
{
    diver divers[2] = { { v, { 0 } }, { v, { 0 } } };
    for (int i = 0; i < 2; i++) v->prepare(&divers[i].c, new_stack(), dive_body, &divers[i]);
    for (word turn = 0; turn < 10; turn++)
        for (word i = 0; i < 2; i++) check(v->go(&divers[i].c, turn * 10 + i) == turn * 10 + i + 1);
    for (word i = 0; i < 2; i++) check(v->go(&divers[i].c, 5) == 5);
}

static word float_body(void *argument, word w)
{
    diver *d = argument;
    double a = 1, b = 1.5, c = 0.25, e = 3, f = 0.5, g = 2, h = 7, k = 9;
    while (w) {
        w = d->v->go(&d->c, (word)(a + b + c + e + f + g + h + k));
        a += 1, b *= 1.0, c += 0.25, e -= 0.25, f += 2, g += 1, h -= 1, k += 1;
    }
    return (word)(a + b + c + e + f + g + h + k);
}

/* Numbers that the compiler keeps in registers across switches. */
static void floats_live(const variant *v)
{
    diver d[2] = { { v, { 0 } }, { v, { 0 } } };
    for (int i = 0; i < 2; i++) v->prepare(&d[i].c, new_stack(), float_body, &d[i]);
    double own = 0.5;
    for (word turn = 0; turn < 1000; turn++)
        for (int i = 0; i < 2; i++) {
            check(v->go(&d[i].c, 1) == (word)(24.25 + 4.0 * (double)turn));
            own += 0.5;
        }
    check(own == 1000.5);
}

/* A case in a process of its own, since a control may well crash. Its report: 0 nothing wrong. */
typedef struct { int crashed; uint64_t lost; long survivors, wrong; } report;

static report apart(void (*run)(const variant *), const variant *v)
{
    int ends[2];
    report r = { 0, 0, 0, 0 };
    fflush(stdout);
    if (pipe(ends)) exit(2);
    pid_t child = fork();
    if (child < 0) exit(2);
    if (child == 0) {
        alarm(60);
        run(v);
        r.lost = lost, r.survivors = survivors, r.wrong = wrong;
        _exit(write(ends[1], &r, sizeof r) == sizeof r ? 0 : 1);
    }
    close(ends[1]);
    int status;
    ssize_t got = read(ends[0], &r, sizeof r);
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0) {}
    if (got != sizeof r || status != 0) r.crashed = WIFSIGNALED(status) ? WTERMSIG(status) : -1;
    return r;
}

static int failed;

static void positive(const char *name, void (*run)(const variant *), long expected)
{
    report r = apart(run, &whole);
    int ok = !r.crashed && !r.lost && !r.wrong && r.survivors == expected;
    printf("%s %s: %ld survivors, %ld wrong, signal %d\n", ok ? "ok    " : "FAILED", name, r.survivors, r.wrong, r.crashed);
    for (int i = 0; i < REGISTERS; i++)
        if (r.lost >> i & 1) printf("       lost %s\n", names[i]);
    failed |= !ok;
}

int main(void)
{
    positive("registers", registers_survive, 4L * ROUNDS * REGISTERS - 2 * REGISTERS);
    positive("chain", chains_hold, 0);
    positive("recursion", recursion_holds, 0);
    positive("floats", floats_live, 0);
    for (int i = 0; i < REGISTERS; i++) {
        report r = apart(registers_survive, &kept[i]);
        int ok = !r.crashed && r.lost == (uint64_t)1 << i;
        printf("%s without %s: %s\n", ok ? "ok    " : "FAILED", kept[i].omitted, ok ? "reported lost" : "not reported");
        failed |= !ok;
    }
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        report r = apart(registers_survive, &needed[i]);
        int ok = r.crashed || r.wrong;
        printf("%s without %s: %s\n", ok ? "ok    " : "FAILED", needed[i].omitted,
               !ok ? "not reported" : r.crashed ? "reported, by a crash" : "reported, by its effects");
        failed |= !ok;
    }
    return failed;
}
