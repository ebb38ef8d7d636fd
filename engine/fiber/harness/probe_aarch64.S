/*
 * Probes for aarch64: what the harnesses in Rust and in C look at registers with. ELF.
 *
 * word sx_probe(x0: function, x1, x2: its arguments, x3: values for x19 to x29 and d8 to d15, x4: results)
 *
 * Loads the values, calls, and stores what is in these registers then. Returns what the function returned, with the
 * registers of the caller as they were, whatever the function did to them.
 */
.macro SX_PROBE_ALL op, op1, base, at
    \op    x19, x20, [\base, #(\at + 0)]
    \op    x21, x22, [\base, #(\at + 16)]
    \op    x23, x24, [\base, #(\at + 32)]
    \op    x25, x26, [\base, #(\at + 48)]
    \op    x27, x28, [\base, #(\at + 64)]
    \op1    x29, [\base, #(\at + 80)]
    \op1    d8, [\base, #(\at + 88)]
    \op    d9, d10, [\base, #(\at + 96)]
    \op    d11, d12, [\base, #(\at + 112)]
    \op    d13, d14, [\base, #(\at + 128)]
    \op1    d15, [\base, #(\at + 144)]
.endm

    .pushsection .text.sx_probe, "ax", %progbits
    .globl  sx_probe
    .hidden sx_probe
    .type   sx_probe, %function
sx_probe:
    sub     sp, sp, #176
    stp     x30, x4, [sp]
    SX_PROBE_ALL stp, str, sp, 16
    mov     x9, x0
    mov     x0, x1
    mov     x1, x2
    SX_PROBE_ALL ldp, ldr, x3, 0
    blr     x9
    ldr     x9, [sp, #8]
    SX_PROBE_ALL stp, str, x9, 0
    SX_PROBE_ALL ldp, ldr, sp, 16
    ldr     x30, [sp]
    add     sp, sp, #176
    ret
    .size   sx_probe, . - sx_probe

/*
 * word sx_spoil_REG(x0: address of a function, x1: word)
 *
 * Calls the function, and changes one register that it should have kept.
 */
.macro SX_SPOIL_HEAD reg
    .globl  sx_spoil_\reg
    .hidden sx_spoil_\reg
    .type   sx_spoil_\reg, %function
sx_spoil_\reg:
    str     x30, [sp, #-16]!
    ldr     x9, [x0]
    blr     x9
    ldr     x30, [sp], #16
.endm
.macro SX_SPOIL reg
    SX_SPOIL_HEAD \reg
    mvn     \reg, \reg
    ret
.endm
.macro SX_SPOIL_FLOAT reg
    SX_SPOIL_HEAD \reg
    fmov    x9, \reg
    mvn     x9, x9
    fmov    \reg, x9
    ret
.endm
    SX_SPOIL x19
    SX_SPOIL x20
    SX_SPOIL x21
    SX_SPOIL x22
    SX_SPOIL x23
    SX_SPOIL x24
    SX_SPOIL x25
    SX_SPOIL x26
    SX_SPOIL x27
    SX_SPOIL x28
    SX_SPOIL x29
    SX_SPOIL_FLOAT d8
    SX_SPOIL_FLOAT d9
    SX_SPOIL_FLOAT d10
    SX_SPOIL_FLOAT d11
    SX_SPOIL_FLOAT d12
    SX_SPOIL_FLOAT d13
    SX_SPOIL_FLOAT d14
    SX_SPOIL_FLOAT d15
    .purgem SX_PROBE_ALL
    .purgem SX_SPOIL_HEAD
    .purgem SX_SPOIL
    .purgem SX_SPOIL_FLOAT
    .popsection
