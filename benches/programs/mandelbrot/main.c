// Float loops with an early exit: how many points of a grid belong to the Mandelbrot set.
#include <stdio.h>

#define N 1600
#define LIMIT 50

int main(void) {
    long inside = 0, steps = 0;
    for (long row = 0; row < N; row++) {
        double ci = 2.0 * row / N - 1.0;
        for (long col = 0; col < N; col++) {
            double cr = 2.0 * col / N - 1.5;
            double zr = 0, zi = 0, tr = 0, ti = 0;
            long i = 0;
            while (i < LIMIT && tr + ti <= 4.0) {
                zi = 2.0 * zr * zi + ci;
                zr = tr - ti + cr;
                tr = zr * zr;
                ti = zi * zi;
                i++;
            }
            steps += i;
            if (tr + ti <= 4.0) inside++;
        }
    }
    printf("%ld %ld\n", inside, steps);
    return 0;
}
