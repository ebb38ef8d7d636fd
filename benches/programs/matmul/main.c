// Nested loops over rows of floats: the product of two square matrices.
#include <stdio.h>
#include <stdlib.h>

#define N 500L

static double *matrix(long seed) {
    double *m = malloc(sizeof(double) * N * N);
    for (long i = 0; i < N; i++)
        for (long j = 0; j < N; j++) m[i * N + j] = ((i - j) * (i + j) + seed) % 10 + 0.5;
    return m;
}

static double *transpose(const double *m) {
    double *t = malloc(sizeof(double) * N * N);
    for (long i = 0; i < N; i++)
        for (long j = 0; j < N; j++) t[j * N + i] = m[i * N + j];
    return t;
}

static double *multiply(const double *a, const double *b) {
    double *c = malloc(sizeof(double) * N * N), *t = transpose(b);
    for (long i = 0; i < N; i++) {
        const double *row = a + i * N;
        for (long j = 0; j < N; j++) {
            const double *col = t + j * N;
            double sum = 0;
            for (long k = 0; k < N; k++) sum += row[k] * col[k];
            c[i * N + j] = sum;
        }
    }
    free(t);
    return c;
}

int main(void) {
    double *c = multiply(matrix(1), matrix(2)), trace = 0;
    for (long i = 0; i < N; i++) trace += c[i * N + i];
    printf("%.3f %.3f\n", trace, c[N * (N / 2) + 7]);
    return 0;
}
