/*
 * Measures libwbxml (Debian package libwbxml2-dev) on the document of standard input, for benches/wbxml.rs:
 * the events of its parser, its tree from bytes, and bytes from its tree.
 *
 * Prints nanoseconds for one round each, the fastest of many samples: "events NS elements NS encode NS". Its packaged
 * headers do not declare parser and tree, so they are declared here; what the handlers see and what the encoder
 * writes is checked, so that a library with another layout ends in an error and not in a wrong figure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ACTIVESYNC = 2402, UTF_8 = 106, VERSION_1_3 = 0x03 };

typedef struct {
    void (*start_document)(void *, int, const void *);
    void (*end_document)(void *);
    void (*start_element)(void *, void *, void **, unsigned char);
    void (*end_element)(void *, void *, unsigned char);
    void (*characters)(void *, unsigned char *, unsigned int, unsigned int);
    void (*processing_instruction)(void *, const unsigned char *, unsigned char *);
} Handlers;

typedef struct {
    int version;
    unsigned char keep_white_space;
    unsigned char use_string_table;
    unsigned char anonymous;
} Parameters;

extern void *wbxml_parser_create(void);
extern void wbxml_parser_destroy(void *);
extern void wbxml_parser_set_user_data(void *, void *);
extern void wbxml_parser_set_content_handler(void *, Handlers *);
extern unsigned char wbxml_parser_set_language(void *, int);
extern int wbxml_parser_parse(void *, unsigned char *, unsigned int);
extern int wbxml_tree_from_wbxml(unsigned char *, unsigned int, int, int, void **);
extern int wbxml_tree_to_wbxml(void *, unsigned char **, unsigned int *, Parameters *);
extern void wbxml_tree_destroy(void *);

typedef struct {
    long starts, ends, characters;
} Seen;

static void start_element(void *context, void *tag, void **attributes, unsigned char empty) {
    (void)tag, (void)attributes, (void)empty;
    ((Seen *)context)->starts++;
}

static void end_element(void *context, void *tag, unsigned char empty) {
    (void)tag, (void)empty;
    ((Seen *)context)->ends++;
}

static void characters(void *context, unsigned char *text, unsigned int start, unsigned int length) {
    (void)text, (void)start;
    ((Seen *)context)->characters += length;
}

static void need(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "libwbxml: %s\n", what);
        exit(1);
    }
}

static unsigned char document[65536];
static unsigned int length;
static long elements, text;
static void *tree;

static void events(void) {
    Handlers handlers = {0};
    Seen seen = {0, 0, 0};
    handlers.start_element = start_element;
    handlers.end_element = end_element;
    handlers.characters = characters;
    void *parser = wbxml_parser_create();
    wbxml_parser_set_user_data(parser, &seen);
    wbxml_parser_set_content_handler(parser, &handlers);
    wbxml_parser_set_language(parser, ACTIVESYNC);
    need(wbxml_parser_parse(parser, document, length) == 0, "it does not parse");
    wbxml_parser_destroy(parser);
    need(seen.starts == elements && seen.ends == elements && seen.characters == text, "it sees other events");
}

static void decode(void) {
    void *decoded = NULL;
    need(wbxml_tree_from_wbxml(document, length, ACTIVESYNC, UTF_8, &decoded) == 0, "it makes no tree");
    wbxml_tree_destroy(decoded);
}

static void encode(void) {
    Parameters parameters = {VERSION_1_3, 0, 0, 1};
    unsigned char *bytes = NULL;
    unsigned int size = 0;
    need(wbxml_tree_to_wbxml(tree, &bytes, &size, &parameters) == 0, "it does not encode");
    need(size == length && memcmp(bytes, document, size) == 0, "it writes other bytes");
    free(bytes);
}

/* The fastest of 200 samples of 200 rounds, in nanoseconds a round. */
static double fastest(void (*round)(void)) {
    double best = 1e18;
    for (int sample = 0; sample < 200; sample++) {
        struct timespec before, after;
        clock_gettime(CLOCK_MONOTONIC, &before);
        for (int i = 0; i < 200; i++) {
            round();
        }
        clock_gettime(CLOCK_MONOTONIC, &after);
        double passed = (after.tv_sec - before.tv_sec) * 1e9 + (after.tv_nsec - before.tv_nsec);
        if (passed / 200 < best) {
            best = passed / 200;
        }
    }
    return best;
}

/* Arguments: how many elements and how many bytes of text the document has. */
int main(int count, char **arguments) {
    need(count == 3, "usage: libwbxml ELEMENTS TEXT < DOCUMENT");
    elements = atol(arguments[1]);
    text = atol(arguments[2]);
    length = fread(document, 1, sizeof document, stdin);
    need(wbxml_tree_from_wbxml(document, length, ACTIVESYNC, UTF_8, &tree) == 0, "it makes no tree");
    printf("events %.0f ", fastest(events));
    printf("elements %.0f ", fastest(decode));
    printf("encode %.0f\n", fastest(encode));
    return 0;
}
