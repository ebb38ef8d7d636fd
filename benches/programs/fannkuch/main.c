// Small integer arrays: the most flips of a prefix over all permutations.
#include <stdio.h>

#define N 10

int main(void) {
    long p[N], q[N], s[N];
    for (long i = 0; i < N; i++) p[i] = s[i] = i;
    long sign = 1, max_flips = 0, sum = 0;
    for (;;) {
        long q0 = p[0];
        if (q0 != 0) {
            for (long i = 1; i < N; i++) q[i] = p[i];
            long flips = 1;
            for (;;) {
                long qq = q[q0];
                if (qq == 0) {
                    sum += sign * flips;
                    if (flips > max_flips) max_flips = flips;
                    break;
                }
                q[q0] = q0;
                if (q0 >= 3) {
                    long i = 1, j = q0 - 1;
                    while (i < j) {
                        long t = q[i];
                        q[i] = q[j];
                        q[j] = t;
                        i++;
                        j--;
                    }
                }
                q0 = qq;
                flips++;
            }
        }
        if (sign == 1) {
            long t = p[0];
            p[0] = p[1];
            p[1] = t;
            sign = -1;
        } else {
            long t = p[1];
            p[1] = p[2];
            p[2] = t;
            sign = 1;
            for (long i = 2; i < N; i++) {
                if (s[i] != 0) {
                    s[i]--;
                    break;
                }
                if (i == N - 1) {
                    printf("%ld %ld\n", sum, max_flips);
                    return 0;
                }
                s[i] = i;
                long first = p[0];
                for (long j = 0; j <= i; j++) p[j] = p[j + 1];
                p[i + 1] = first;
            }
        }
    }
}
