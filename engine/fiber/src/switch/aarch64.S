/*
 * The switch between stacks for aarch64 (AAPCS64). This text is the only source: the crate takes it with
 * global_asm!, the C harness assembles it. ELF.
 *
 *   SX_FIBER prefix        makes  prefix_switch, prefix_prepare (and the private prefix_base)
 *   SX_FIBER prefix, reg   makes the same with one register neither stored nor loaded (sp: without the exchange of
 *                          stacks), so that a harness can show that it would notice
 *   SX_FIBER_END           forgets the macros
 *
 * What is saved is what the calling convention says a callee keeps: x19-x30, sp and d8-d15. x18 belongs to the
 * platform and is never touched. FPCR isn't switched: who changes it restores it before suspending.
 *
 * A stack that isn't running, from its stack pointer upwards:
 *
 *    0 x29 x30   16 x19 x20   32 x21 x22   48 x23 x24   64 x25 x26   80 x27 x28
 *    96 d8 d9   112 d10 d11   128 d12 d13   144 d14 d15
 */

.macro SX_SAVE a, b, at, omit
    .ifc \omit,\a
    str     \b, [sp, #(\at + 8)]
    .else
    .ifc \omit,\b
    str     \a, [sp, #\at]
    .else
    stp     \a, \b, [sp, #\at]
    .endif
    .endif
    .cfi_rel_offset \a, \at
    .cfi_rel_offset \b, (\at + 8)
.endm

.macro SX_LOAD a, b, at, omit
    .ifc \omit,\a
    ldr     \b, [sp, #(\at + 8)]
    .else
    .ifc \omit,\b
    ldr     \a, [sp, #\at]
    .else
    ldp     \a, \b, [sp, #\at]
    .endif
    .endif
    .cfi_restore \a
    .cfi_restore \b
.endm

.macro SX_FIBER prefix, omit=none
    .pushsection .text.\prefix, "ax", %progbits
    .p2align 6

/*
 * word prefix_switch(x0: address of the other side's stack pointer, x1: word)
 *
 * Goes to the stack whose pointer is found there, and leaves that of this one in its place. Returns, on the other
 * stack, the word. It ends in a jump, not in `ret`, which would be predicted to return on the caller's stack.
 */
    .globl  \prefix\()_switch
    .hidden \prefix\()_switch
    .type   \prefix\()_switch, %function
\prefix\()_switch:
    .cfi_startproc
    hint    #34
    sub     sp, sp, #160
    .cfi_def_cfa_offset 160
    SX_SAVE x29, x30, 0, \omit
    SX_SAVE x19, x20, 16, \omit
    SX_SAVE x21, x22, 32, \omit
    SX_SAVE x23, x24, 48, \omit
    SX_SAVE x25, x26, 64, \omit
    SX_SAVE x27, x28, 80, \omit
    SX_SAVE d8, d9, 96, \omit
    SX_SAVE d10, d11, 112, \omit
    SX_SAVE d12, d13, 128, \omit
    SX_SAVE d14, d15, 144, \omit
    ldr     x9, [x0]
    mov     x10, sp
    str     x10, [x0]
    .ifnc \omit,sp
    mov     sp, x9
    .endif
    mov     x0, x1
    /* The other stack has the same shape, so what was said about frames stays true. */
    SX_LOAD x29, x30, 0, \omit
    SX_LOAD x19, x20, 16, \omit
    SX_LOAD x21, x22, 32, \omit
    SX_LOAD x23, x24, 48, \omit
    SX_LOAD x25, x26, 64, \omit
    SX_LOAD x27, x28, 80, \omit
    SX_LOAD d8, d9, 96, \omit
    SX_LOAD d10, d11, 112, \omit
    SX_LOAD d12, d13, 128, \omit
    SX_LOAD d14, d15, 144, \omit
    add     sp, sp, #160
    .cfi_def_cfa_offset 0
    br      x30
    .cfi_endproc
    .size   \prefix\()_switch, . - \prefix\()_switch

/*
 * The lowest frame of every fiber; the first switch to it arrives here, the word in x0. Above its stack pointer:
 *
 *    0 start function   8 its argument   16 control   24 zero
 *
 * There is nothing to return to, which is what the missing return address says: unwinders end here. They look before
 * an address that is returned to; hence the instruction before the entry.
 */
    .type   \prefix\()_base, %function
\prefix\()_base:
    .cfi_startproc
    .cfi_undefined x30
    nop
.L\prefix\()_entry:
    hint    #36
    mov     x1, x0
    ldp     x9, x0, [sp]
    blr     x9
    mov     x1, x0
    ldr     x0, [sp, #16]
    bl      \prefix\()_switch
    brk     #1
    .cfi_endproc
    .size   \prefix\()_base, . - \prefix\()_base

/*
 * void prefix_prepare(x0: control, x1: top (16-aligned), x2: start function, x3: its argument)
 *
 * Writes what the first switch finds. The control's first word is the stack pointer.
 */
    .globl  \prefix\()_prepare
    .hidden \prefix\()_prepare
    .type   \prefix\()_prepare, %function
\prefix\()_prepare:
    .cfi_startproc
    hint    #34
    stp     x0, xzr, [x1, #-16]
    stp     x2, x3, [x1, #-32]
    sub     x9, x1, #192
    adr     x10, .L\prefix\()_entry
    stp     xzr, x10, [x9]
    stp     xzr, xzr, [x9, #16]
    stp     xzr, xzr, [x9, #32]
    stp     xzr, xzr, [x9, #48]
    stp     xzr, xzr, [x9, #64]
    stp     xzr, xzr, [x9, #80]
    stp     xzr, xzr, [x9, #96]
    stp     xzr, xzr, [x9, #112]
    stp     xzr, xzr, [x9, #128]
    stp     xzr, xzr, [x9, #144]
    str     x9, [x0]
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
