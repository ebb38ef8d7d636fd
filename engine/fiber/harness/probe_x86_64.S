/*
 * Probes for x86-64: what the harnesses in Rust and in C look at registers with. AT&T syntax, ELF.
 *
 * word sx_probe(rdi: function, rsi, rdx: its arguments, rcx: values for rbx rbp r12 r13 r14 r15, r8: results)
 *
 * Loads the values, calls, and stores what is in these registers then. Returns what the function returned, with the
 * registers of the caller as they were, whatever the function did to them.
 */
    .pushsection .text.sx_probe, "ax", %progbits
    .globl  sx_probe
    .hidden sx_probe
    .type   sx_probe, %function
sx_probe:
    pushq   %rbx
    pushq   %rbp
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    pushq   %r8
    movq    %rdi, %rax
    movq    %rsi, %rdi
    movq    %rdx, %rsi
    movq    0(%rcx), %rbx
    movq    8(%rcx), %rbp
    movq    16(%rcx), %r12
    movq    24(%rcx), %r13
    movq    32(%rcx), %r14
    movq    40(%rcx), %r15
    callq   *%rax
    popq    %rcx
    movq    %rbx, 0(%rcx)
    movq    %rbp, 8(%rcx)
    movq    %r12, 16(%rcx)
    movq    %r13, 24(%rcx)
    movq    %r14, 32(%rcx)
    movq    %r15, 40(%rcx)
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbp
    popq    %rbx
    ret
    .size   sx_probe, . - sx_probe

/*
 * word sx_spoil_REG(rdi: address of a function, rsi: word)
 *
 * Calls the function, and changes one register that it should have kept.
 */
.macro SX_SPOIL reg
    .globl  sx_spoil_\reg
    .hidden sx_spoil_\reg
    .type   sx_spoil_\reg, %function
sx_spoil_\reg:
    subq    $8, %rsp
    callq   *(%rdi)
    addq    $8, %rsp
    notq    %\reg
    ret
    .size   sx_spoil_\reg, . - sx_spoil_\reg
.endm
    SX_SPOIL rbx
    SX_SPOIL rbp
    SX_SPOIL r12
    SX_SPOIL r13
    SX_SPOIL r14
    SX_SPOIL r15
    .purgem SX_SPOIL
    .popsection
