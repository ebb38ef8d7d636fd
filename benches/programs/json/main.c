// Strings and allocation: a JSON file is parsed to a tree, printed again, and the text is hashed.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 16
#define CHUNK (1L << 20)

// ---- memory ----

typedef struct Chunk {
    struct Chunk *next;
    char data[];
} Chunk;

static Chunk *chunks;
static char *arena_at, *arena_end;

static void *alloc(size_t n) {
    n = (n + 15) & ~(size_t)15;
    if ((size_t)(arena_end - arena_at) < n) {
        size_t size = n > CHUNK ? n : CHUNK;
        Chunk *c = malloc(sizeof *c + size);
        c->next = chunks;
        chunks = c;
        arena_at = c->data;
        arena_end = arena_at + size;
    }
    void *p = arena_at;
    arena_at += n;
    return p;
}

static void release(void) {
    while (chunks) {
        Chunk *next = chunks->next;
        free(chunks);
        chunks = next;
    }
    arena_at = arena_end = NULL;
}

// A growing array: `data` holds `len` elements of `size` bytes.
static void *grown(void *data, long len, long *cap, size_t size) {
    if (len < *cap) return data;
    *cap = *cap ? *cap * 2 : 8;
    void *p = alloc(*cap * size);
    if (len) memcpy(p, data, len * size);
    return p;
}

// ---- values ----

typedef struct {
    const char *ptr;
    long len;
} Str;

typedef enum { NOTHING, TRUTH, NUMBER, TEXT, LIST, OBJECT } Kind;

typedef struct Member Member;
typedef struct Value {
    Kind kind;
    union {
        bool truth;
        Str str;
        struct {
            struct Value *items;
            long len, cap;
        } list;
        struct {
            Member *items;
            long len, cap;
        } object;
    };
} Value;
struct Member {
    Str key;
    Value value;
};

// ---- output ----

typedef struct {
    char *data;
    long len, cap;
} Out;

static void reserve(Out *o, long n) {
    if (o->len + n <= o->cap) return;
    long cap = o->cap ? o->cap * 2 : 256;
    while (cap < o->len + n) cap *= 2;
    char *p = alloc(cap);
    if (o->len) memcpy(p, o->data, o->len);
    o->data = p;
    o->cap = cap;
}
static void put_byte(Out *o, char c) {
    reserve(o, 1);
    o->data[o->len++] = c;
}
static void put(Out *o, const char *s, long n) {
    reserve(o, n);
    memcpy(o->data + o->len, s, n);
    o->len += n;
}

// ---- parsing ----

typedef struct {
    const char *s;
    long at, len;
} Parser;

static void malformed(void) {
    fprintf(stderr, "malformed\n");
    exit(1);
}

static char peek(Parser *p) {
    const char *s = p->s;
    long at = p->at;
    while (at < p->len && (s[at] == ' ' || s[at] == '\n' || s[at] == '\t' || s[at] == '\r')) at++;
    p->at = at;
    return at < p->len ? s[at] : 0;
}

static void expect(Parser *p, char c) {
    if (peek(p) != c) malformed();
    p->at++;
}

static void word(Parser *p, const char *w) {
    long n = strlen(w);
    if (p->len - p->at < n || memcmp(p->s + p->at, w, n) != 0) malformed();
    p->at += n;
}

static long hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    malformed();
    return 0;
}

static void put_char(Out *o, long c) {
    if (c < 0x80) {
        put_byte(o, c);
    } else if (c < 0x800) {
        put_byte(o, 0xC0 | c >> 6);
        put_byte(o, 0x80 | (c & 63));
    } else {
        put_byte(o, 0xE0 | c >> 12);
        put_byte(o, 0x80 | (c >> 6 & 63));
        put_byte(o, 0x80 | (c & 63));
    }
}

static Str escaped_text(Parser *p, long start) {
    Out o = {0};
    long at = start;
    while (at < p->len) {
        char c = p->s[at++];
        if (c == '"') {
            p->at = at;
            return (Str){o.data, o.len};
        }
        if (c != '\\') {
            put_byte(&o, c);
            continue;
        }
        if (at >= p->len) break;
        char e = p->s[at++];
        switch (e) {
        case 'n': put_byte(&o, '\n'); break;
        case 't': put_byte(&o, '\t'); break;
        case 'r': put_byte(&o, '\r'); break;
        case 'b': put_byte(&o, 8); break;
        case 'f': put_byte(&o, 12); break;
        case 'u': {
            long code = 0;
            for (int i = 0; i < 4; i++) {
                if (at >= p->len) malformed();
                code = code * 16 + hex(p->s[at++]);
            }
            put_char(&o, code);
            break;
        }
        default: put_byte(&o, e);
        }
    }
    malformed();
    return (Str){0};
}

static Str text(Parser *p) {
    long start = p->at + 1;
    for (long at = start; at < p->len; at++) {
        char c = p->s[at];
        if (c == '"') {
            p->at = at + 1;
            return (Str){p->s + start, at - start};
        }
        if (c == '\\') return escaped_text(p, start);
    }
    malformed();
    return (Str){0};
}

static Str number(Parser *p) {
    long start = p->at, at = start;
    while (at < p->len) {
        char c = p->s[at];
        if (!((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E')) break;
        at++;
    }
    if (at == start) malformed();
    p->at = at;
    return (Str){p->s + start, at - start};
}

static Value value(Parser *p);

static void object(Parser *p, Value *v) {
    v->kind = OBJECT;
    p->at++;
    if (peek(p) == '}') {
        p->at++;
        return;
    }
    for (;;) {
        Member m;
        if (peek(p) != '"') malformed();
        m.key = text(p);
        expect(p, ':');
        m.value = value(p);
        v->object.items = grown(v->object.items, v->object.len, &v->object.cap, sizeof m);
        v->object.items[v->object.len++] = m;
        char c = peek(p);
        p->at++;
        if (c == '}') return;
        if (c != ',') malformed();
    }
}

static void list(Parser *p, Value *v) {
    v->kind = LIST;
    p->at++;
    if (peek(p) == ']') {
        p->at++;
        return;
    }
    for (;;) {
        Value item = value(p);
        v->list.items = grown(v->list.items, v->list.len, &v->list.cap, sizeof item);
        v->list.items[v->list.len++] = item;
        char c = peek(p);
        p->at++;
        if (c == ']') return;
        if (c != ',') malformed();
    }
}

static Value value(Parser *p) {
    Value v = {0};
    switch (peek(p)) {
    case '{': object(p, &v); break;
    case '[': list(p, &v); break;
    case '"': v.kind = TEXT; v.str = text(p); break;
    case 't': word(p, "true"); v.kind = TRUTH; v.truth = true; break;
    case 'f': word(p, "false"); v.kind = TRUTH; break;
    case 'n': word(p, "null"); break;
    default: v.kind = NUMBER; v.str = number(p);
    }
    return v;
}

// ---- printing ----

static void write_text(Out *o, Str s) {
    put_byte(o, '"');
    long start = 0;
    for (long i = 0; i < s.len; i++) {
        unsigned char c = s.ptr[i];
        if (c >= 32 && c != '"' && c != '\\') continue;
        put(o, s.ptr + start, i - start);
        start = i + 1;
        put_byte(o, '\\');
        switch (c) {
        case '\n': put_byte(o, 'n'); break;
        case '\t': put_byte(o, 't'); break;
        case '\r': put_byte(o, 'r'); break;
        case '"':
        case '\\': put_byte(o, c); break;
        default: {
            char u[8];
            put(o, u, snprintf(u, sizeof u, "u%04x", c));
        }
        }
    }
    put(o, s.ptr + start, s.len - start);
    put_byte(o, '"');
}

static void write(Out *o, const Value *v) {
    switch (v->kind) {
    case NOTHING: put(o, "null", 4); break;
    case TRUTH: v->truth ? put(o, "true", 4) : put(o, "false", 5); break;
    case NUMBER: put(o, v->str.ptr, v->str.len); break;
    case TEXT: write_text(o, v->str); break;
    case LIST:
        put_byte(o, '[');
        for (long i = 0; i < v->list.len; i++) {
            if (i > 0) put_byte(o, ',');
            write(o, &v->list.items[i]);
        }
        put_byte(o, ']');
        break;
    case OBJECT:
        put_byte(o, '{');
        for (long i = 0; i < v->object.len; i++) {
            if (i > 0) put_byte(o, ',');
            write_text(o, v->object.items[i].key);
            put_byte(o, ':');
            write(o, &v->object.items[i].value);
        }
        put_byte(o, '}');
    }
}

int main(int argc, char **argv) {
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (!f) return 1;
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    char *source = malloc(n);
    if (fread(source, 1, n, f) != (size_t)n) return 1;
    fclose(f);
    uint32_t hash = 0;
    long total = 0;
    for (int i = 0; i < ROUNDS; i++) {
        Parser p = {source, 0, n};
        Value tree = value(&p);
        Out o = {0};
        write(&o, &tree);
        total += o.len;
        for (long k = 0; k < o.len; k++) hash = hash * 31 + (unsigned char)o.data[k];
        release();
    }
    printf("%ld %08x\n", total, hash);
    free(source);
    return 0;
}
