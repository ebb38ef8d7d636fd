/* The switch as it is, and once for each register with that register left out. The last are negative controls. */
#if defined(__x86_64__)
#include "../src/switch/x86_64.S"
#include "probe_x86_64.S"
#elif defined(__aarch64__)
#include "../src/switch/aarch64.S"
#include "probe_aarch64.S"
#endif
#include "registers.h"

SX_FIBER sx_fiber
#define LINE(reg) SX_FIBER sx_without_##reg, reg ;
#define POINTER(reg) SX_FIBER sx_without_##reg, reg ;
KEPT(LINE)
NEEDED(POINTER)
SX_FIBER_END
    .section .note.GNU-stack, "", %progbits
