// Allocation: many short-lived trees beside a long-lived one.
#include <stdio.h>
#include <stdlib.h>

#define MIN_DEPTH 4
#define MAX_DEPTH 16

typedef struct Node {
    struct Node *left, *right;
} Node;

static Node *build(long depth) {
    Node *n = calloc(1, sizeof *n);
    if (depth > 0) {
        n->left = build(depth - 1);
        n->right = build(depth - 1);
    }
    return n;
}

static long check(const Node *n) {
    if (!n->left) return 1;
    return 1 + check(n->left) + check(n->right);
}

static void release(Node *n) {
    if (n->left) {
        release(n->left);
        release(n->right);
    }
    free(n);
}

int main(void) {
    Node *stretch = build(MAX_DEPTH + 1);
    printf("stretch tree of depth %d\t check: %ld\n", MAX_DEPTH + 1, check(stretch));
    release(stretch);
    Node *long_lived = build(MAX_DEPTH);
    for (long depth = MIN_DEPTH; depth <= MAX_DEPTH; depth += 2) {
        long trees = 1L << (MAX_DEPTH - depth + MIN_DEPTH), total = 0;
        for (long i = 0; i < trees; i++) {
            Node *tree = build(depth);
            total += check(tree);
            release(tree);
        }
        printf("%ld\t trees of depth %ld\t check: %ld\n", trees, depth, total);
    }
    printf("long lived tree of depth %d\t check: %ld\n", MAX_DEPTH, check(long_lived));
    release(long_lived);
    return 0;
}
