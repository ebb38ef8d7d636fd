// Byte arrays and strided loops: the primes below a limit, counted a few times over.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMIT 4000000
#define ROUNDS 8

static long count_primes(bool *composite, long n) {
    for (long i = 0; i < n; i++) composite[i] = false;
    for (long i = 2; i * i < n; i++) {
        if (!composite[i])
            for (long j = i * i; j < n; j += i) composite[j] = true;
    }
    long count = 0;
    for (long k = 2; k < n; k++) {
        if (!composite[k]) count++;
    }
    return count;
}

int main(void) {
    bool *composite = malloc(LIMIT);
    long total = 0;
    for (int i = 0; i < ROUNDS; i++) total += count_primes(composite, LIMIT);
    printf("%ld\n", total);
    free(composite);
    return 0;
}
