/*
 * The switch between stacks for x86-64 (System V). This text is the only source: the crate takes it with
 * global_asm!, the C harness assembles it. AT&T syntax, ELF.
 *
 *   SX_FIBER prefix        makes  prefix_switch, prefix_prepare (and the private prefix_base)
 *   SX_FIBER prefix, reg   makes the same with the push and pop of one register left out (rsp: without the
 *                          exchange of stacks), so that a harness can show that it would notice
 *   SX_FIBER_END           forgets the macros
 *
 * What is saved is what the calling convention says a callee keeps: rbx rbp r12-r15 and rsp. MXCSR and the x87
 * control word aren't switched: who changes them restores them before suspending.
 *
 * A stack that isn't running, from its stack pointer upwards:
 *
 *    0 r15   8 r14   16 r13   24 r12   32 rbx   40 rbp   48 where to go on
 */

.macro SX_SAVE reg, omit
    .ifc \omit,\reg
    leaq    -8(%rsp), %rsp
    .cfi_adjust_cfa_offset 8
    .else
    pushq   %\reg
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %\reg, 0
    .endif
.endm

.macro SX_LOAD reg, omit
    .ifc \omit,\reg
    leaq    8(%rsp), %rsp
    .else
    popq    %\reg
    .endif
    .cfi_adjust_cfa_offset -8
    .cfi_restore %\reg
.endm

.macro SX_FIBER prefix, omit=none
    .pushsection .text.\prefix, "ax", %progbits
    .p2align 6

/*
 * word prefix_switch(rdi: address of the other side's stack pointer, rsi: word)
 *
 * Goes to the stack whose pointer is found there, and leaves that of this one in its place. Returns, on the other
 * stack, the word. The exchange is symmetric; whoever calls it gives it its direction.
 *
 * It ends in a jump. A `ret` would go where the processor doesn't expect it each time: the return that it predicts
 * is that of the caller's stack.
 */
    .globl  \prefix\()_switch
    .hidden \prefix\()_switch
    .type   \prefix\()_switch, %function
\prefix\()_switch:
    .cfi_startproc
    endbr64
    SX_SAVE rbp, \omit
    SX_SAVE rbx, \omit
    SX_SAVE r12, \omit
    SX_SAVE r13, \omit
    SX_SAVE r14, \omit
    SX_SAVE r15, \omit
    movq    (%rdi), %rcx
    movq    %rsp, (%rdi)
    .ifnc \omit,rsp
    movq    %rcx, %rsp
    .endif
    movq    %rsi, %rax
    /* The other stack has the same shape, so what was said about frames stays true. */
    SX_LOAD r15, \omit
    SX_LOAD r14, \omit
    SX_LOAD r13, \omit
    SX_LOAD r12, \omit
    SX_LOAD rbx, \omit
    SX_LOAD rbp, \omit
    popq    %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register 16, 2
    notrack jmp *%rcx
    .cfi_endproc
    .size   \prefix\()_switch, . - \prefix\()_switch

/*
 * The lowest frame of every fiber; the first switch to it arrives here, the word in rax. Above its stack pointer:
 *
 *    0 start function   8 its argument   16 control   24 zero
 *
 * There is nothing to return to, which is what the missing return address says: unwinders end here. They look at the
 * byte before an address that is returned to; hence the one before the entry.
 */
    .type   \prefix\()_base, %function
\prefix\()_base:
    .cfi_startproc
    .cfi_undefined 16
    nop
.L\prefix\()_entry:
    endbr64
    movq    8(%rsp), %rdi
    movq    %rax, %rsi
    callq   *(%rsp)
    movq    16(%rsp), %rdi
    movq    %rax, %rsi
    callq   \prefix\()_switch
    ud2
    .cfi_endproc
    .size   \prefix\()_base, . - \prefix\()_base

/*
 * void prefix_prepare(rdi: control, rsi: top (16-aligned), rdx: start function, rcx: its argument)
 *
 * Writes what the first switch finds. The control's first word is the stack pointer.
 */
    .globl  \prefix\()_prepare
    .hidden \prefix\()_prepare
    .type   \prefix\()_prepare, %function
\prefix\()_prepare:
    .cfi_startproc
    endbr64
    xorl    %eax, %eax
    movq    %rax, -8(%rsi)
    movq    %rdi, -16(%rsi)
    movq    %rcx, -24(%rsi)
    movq    %rdx, -32(%rsi)
    leaq    .L\prefix\()_entry(%rip), %r8
    movq    %r8, -40(%rsi)
    movq    %rax, -48(%rsi)
    movq    %rax, -56(%rsi)
    movq    %rax, -64(%rsi)
    movq    %rax, -72(%rsi)
    movq    %rax, -80(%rsi)
    movq    %rax, -88(%rsi)
    leaq    -88(%rsi), %rax
    movq    %rax, (%rdi)
    ret
    .cfi_endproc
    .size   \prefix\()_prepare, . - \prefix\()_prepare
    .popsection
.endm

.macro SX_FIBER_END
    .purgem SX_FIBER
    .purgem SX_SAVE
    .purgem SX_LOAD
    .purgem SX_FIBER_END
.endm
