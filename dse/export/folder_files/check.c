/* Checks the network against its test vector and tells how long each binary layer takes.
 *
 *     check [-r REPEATS] [-f] [VECTOR]
 *
 * 1. Every binary layer on its own, for every image: its packed input and the map that it adds are set to those of the
 *    vector, and all that it puts out must be the vector's, bit for bit. No float layer has a part in this.
 * 2. The whole network, from images to classes: the class must be the vector's, and so must every input of a binary layer
 *    and every logit be. Float layers can miss the last bits where a compiler fuses or reorders their operations, and one
 *    of them can turn a sign; with -f only classes decide in this part, and what differs is told.
 * 3. The least time of a binary layer over some rounds of REPEATS calls, with warm caches.
 *
 * Exit status: 0 all is right, 1 something differs (the first difference is named), 2 wrong usage or no vector.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counter.h"
#include "network.h"

enum { OK = 0, DIFFERENT = 1, UNUSABLE = 2, ROUNDS = 5 };

struct vector {
    const char *name;
    unsigned char *bytes, *next, *end;
};

static void fail(int status, const char *what, const char *why) {
    fprintf(stderr, "check: %s: %s\n", what, why);
    exit(status);
}

static const void *take(struct vector *vector, size_t bytes) {
    if ((size_t)(vector->end - vector->next) < bytes)
        fail(UNUSABLE, vector->name, "too short for this network: use the vector that was exported with it");
    vector->next += bytes;
    return vector->next - bytes;
}

static int32_t take_number(struct vector *vector) {
    int32_t number;
    memcpy(&number, take(vector, sizeof number), sizeof number);
    return number;
}

static struct vector read_vector(const char *name) {
    struct vector vector = {name, NULL, NULL, NULL};
    FILE *file = fopen(name, "rb");
    if (!file)
        fail(UNUSABLE, name, "cannot be opened: run it in the folder of the export, or name the vector");
    if (fseek(file, 0, SEEK_END) != 0)
        fail(UNUSABLE, name, "cannot be read");
    long size = ftell(file);
    rewind(file);
    vector.bytes = size > 0 ? malloc((size_t)size) : NULL;
    if (!vector.bytes || fread(vector.bytes, 1, (size_t)size, file) != (size_t)size)
        fail(UNUSABLE, name, "cannot be read");
    fclose(file);
    vector.next = vector.bytes;
    vector.end = vector.bytes + size;
    return vector;
}

/* ---- maps ---- */

static const size_t element_bytes[] = {[NO_MAP] = 0, [BYTES] = 1, [INT8] = 1, [INT16] = 2, [INT32] = 4, [FLOAT32] = 4};

static size_t pixel_size(const struct map_view *view) {
    return element_bytes[view->element] * (size_t)view->size.channels;
}

static size_t view_size(const struct map_view *view) {
    return pixel_size(view) * (size_t)view->size.height * (size_t)view->size.width;
}

static unsigned char *pixel_of(const struct map_view *view, int pixel) {
    return (unsigned char *)view->data + (size_t)pixel * element_bytes[view->element] * (size_t)view->pitch;
}

static void set_map(const struct map_view *view, const unsigned char *contents) {
    size_t bytes = pixel_size(view);
    for (int pixel = 0; pixel < view->size.height * view->size.width; pixel++)
        memcpy(pixel_of(view, pixel), contents + (size_t)pixel * bytes, bytes);
}

static void print_element(enum element element, const unsigned char *at) {
    int32_t word;
    int16_t half;
    float real;
    switch (element) {
    case INT8: fprintf(stderr, "%d", *(const signed char *)at); break;
    case INT16: memcpy(&half, at, sizeof half); fprintf(stderr, "%d", half); break;
    case INT32: memcpy(&word, at, sizeof word); fprintf(stderr, "%d", (int)word); break;
    case FLOAT32: memcpy(&real, at, sizeof real); fprintf(stderr, "%.9g", (double)real); break;
    default: fprintf(stderr, "0x%02x", *at);
    }
}

/* Elements that differ; the first one is told, unless `where` is NULL. */
static long compare_map(const struct map_view *view, const unsigned char *expected, const char *where, const char *what) {
    size_t size = element_bytes[view->element];
    long differing = 0;
    for (int pixel = 0; pixel < view->size.height * view->size.width; pixel++)
        for (int c = 0; c < view->size.channels; c++, expected += size) {
            const unsigned char *found = pixel_of(view, pixel) + (size_t)c * size;
            if (memcmp(found, expected, size) == 0)
                continue;
            if (where && differing == 0) {
                fprintf(stderr, "%s: %s differs at row %d, column %d, %s %d: ", where, what, pixel / view->size.width,
                        pixel % view->size.width, view->element == BYTES ? "byte" : "channel", c);
                print_element(view->element, found);
                fprintf(stderr, " instead of ");
                print_element(view->element, expected);
                fprintf(stderr, "\n");
            }
            differing++;
        }
    return differing;
}

/* ---- 1. layers on their own ---- */

struct expected_layer {
    const unsigned char *input, *shortcut, *sums, *map, *bits;
};

struct expected_image {
    const uint8_t *image;
    int class_number;
    const unsigned char *logits;
    struct expected_layer layers[BINARY_LAYERS];
};

static struct expected_image take_image(struct vector *vector) {
    struct expected_image expected;
    expected.image = take(vector, IMAGE_BYTES);
    expected.class_number = take_number(vector);
    expected.logits = take(vector, CLASSES * sizeof(float));
    for (int i = 0; i < BINARY_LAYERS; i++) {
        const struct binary_layer *layer = &binary_layers[i];
        expected.layers[i].input = take(vector, view_size(&layer->input));
        expected.layers[i].shortcut = take(vector, view_size(&layer->shortcut));
        expected.layers[i].sums = take(vector, view_size(&layer->sums));
        expected.layers[i].map = take(vector, view_size(&layer->map));
        expected.layers[i].bits = take(vector, view_size(&layer->bits));
    }
    return expected;
}

static void set_inputs(const struct binary_layer *layer, const struct expected_layer *expected) {
    set_map(&layer->input, expected->input);
    set_map(&layer->shortcut, expected->shortcut);
}

static void check_layers(const struct expected_image *expected, int image) {
    char where[256];
    for (int i = 0; i < BINARY_LAYERS; i++) {
        const struct binary_layer *layer = &binary_layers[i];
        const struct expected_layer *recorded = &expected->layers[i];
        set_inputs(layer, recorded);
        layer->run();
        snprintf(where, sizeof where, "image %d, layer %s", image, layer->name);
        if (compare_map(&layer->sums, recorded->sums, where, "output of the convolution") ||
            compare_map(&layer->map, recorded->map, where, "feature map") ||
            compare_map(&layer->bits, recorded->bits, where, "packed signs"))
            exit(DIFFERENT);
    }
}

/* ---- 2. the whole network ---- */

struct observation {
    const struct expected_image *expected;
    const char *where; /* NULL: tell no difference */
    char text[64];
    long differing;
};

static void observe(int number, void *context) {
    struct observation *seen = context;
    const struct binary_layer *layer = &binary_layers[number];
    const char *where = seen->where && seen->differing == 0 ? seen->where : NULL;
    char text[256];
    if (where) {
        snprintf(text, sizeof text, "%s, layer %s", where, layer->name);
        where = text;
    }
    seen->differing += compare_map(&layer->input, seen->expected->layers[number].input, where, "packed input");
    where = seen->differing == 0 ? where : NULL;
    seen->differing += compare_map(&layer->shortcut, seen->expected->layers[number].shortcut, where, "shortcut");
}

static int class_of(const float *logits) {
    int best = 0;
    for (int k = 1; k < CLASSES; k++)
        best = logits[k] > logits[best] ? k : best;
    return best;
}

static long check_network(const struct expected_image *expected, int image, int floats_may_differ) {
    static float logits[CLASSES];
    struct observation seen = {expected, NULL, "", 0};
    snprintf(seen.text, sizeof seen.text, "image %d, whole network", image);
    seen.where = floats_may_differ ? NULL : seen.text;
    network_run(expected->image, logits, observe, &seen);
    struct map_view view = {logits, {1, 1, CLASSES}, CLASSES, FLOAT32};
    const char *where = seen.where && seen.differing == 0 ? seen.where : NULL;
    seen.differing += compare_map(&view, expected->logits, where, "logit");
    if (class_of(logits) != expected->class_number) {
        fprintf(stderr, "image %d: class %d instead of %d\n", image, class_of(logits), expected->class_number);
        exit(DIFFERENT);
    }
    if (seen.differing && !floats_may_differ) {
        fprintf(stderr, "%s: the class is right, but float layers have other bits: build with -ffp-contract=off and "
                        "without -ffast-math, or give -f to let them differ\n", seen.text);
        exit(DIFFERENT);
    }
    return seen.differing;
}

/* ---- 3. time ---- */

struct timing {
    double ticks, cycles; /* of one call; cycles below 0: not counted */
};

static struct timing time_layer(const struct binary_layer *layer, int repeats) {
    struct timing best = {-1.0, -1.0};
    layer->run();
    for (int round = 0; round < ROUNDS; round++) {
        int64_t first_cycle = counter_cycles();
        uint64_t first = counter_ticks();
        for (int i = 0; i < repeats; i++)
            layer->run();
        double ticks = (double)(counter_ticks() - first) / repeats;
        int64_t last_cycle = counter_cycles();
        double cycles = (double)(last_cycle - first_cycle) / repeats;
        if (best.ticks < 0 || ticks < best.ticks)
            best.ticks = ticks;
        if (first_cycle >= 0 && last_cycle >= 0 && (best.cycles < 0 || cycles < best.cycles))
            best.cycles = cycles;
    }
    return best;
}

static void print_row(const char *name, struct timing timing, double nanoseconds, long predicted) {
    printf("%-24s %12.1f %12.0f ", name, timing.ticks, timing.ticks * nanoseconds);
    if (timing.cycles >= 0)
        printf("%12.0f ", timing.cycles);
    else
        printf("%12s ", "-");
    if (predicted > 0)
        printf("%12ld\n", predicted);
    else
        printf("%12s\n", "-");
}

static void time_layers(const struct expected_image *expected, int repeats) {
    double nanoseconds = 1e9 / (double)counter_frequency();
    struct timing total = {0, 0};
    long predicted = 0;
    printf("\nCNTVCT_EL0 counts %llu ticks a second; core cycles are those of perf_event_open%s\n",
           (unsigned long long)counter_frequency(), counter_cycles() < 0 ? ", which is not available here" : "");
    printf("%-24s %12s %12s %12s %12s\n", "binary layer", "ticks", "ns", "cycles", "predicted");
    for (int i = 0; i < BINARY_LAYERS; i++) {
        const struct binary_layer *layer = &binary_layers[i];
        set_inputs(layer, &expected->layers[i]);
        struct timing timing = time_layer(layer, repeats);
        print_row(layer->name, timing, nanoseconds, layer->predicted_cycles);
        total.ticks += timing.ticks;
        total.cycles = timing.cycles < 0 || total.cycles < 0 ? -1.0 : total.cycles + timing.cycles;
        predicted += layer->predicted_cycles;
    }
    print_row("all binary layers", total, nanoseconds, predicted);
}

int main(int count, char **arguments) {
    int repeats = 20, floats_may_differ = 0;
    const char *name = "vector.bin";
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "-f") == 0)
            floats_may_differ = 1;
        else if (strcmp(arguments[i], "-r") == 0 && i + 1 < count && atoi(arguments[i + 1]) > 0)
            repeats = atoi(arguments[++i]);
        else if (arguments[i][0] != '-')
            name = arguments[i];
        else
            fail(UNUSABLE, arguments[i], "write check [-r REPEATS] [-f] [VECTOR]");
    }
    struct vector vector = read_vector(name);
    if (take_number(&vector) != VECTOR_MAGIC || take_number(&vector) != BINARY_LAYERS)
        fail(UNUSABLE, name, "no test vector of this network: use the one that was exported with it");
    int images = take_number(&vector);
    struct expected_image *expected = images > 0 ? malloc(sizeof *expected * (size_t)images) : NULL;
    if (!expected)
        fail(UNUSABLE, name, "no images");
    for (int image = 0; image < images; image++)
        expected[image] = take_image(&vector);
    if (vector.next != vector.end)
        fail(UNUSABLE, name, "too long for this network: use the vector that was exported with it");

    for (int image = 0; image < images; image++)
        check_layers(&expected[image], image);
    printf("%d binary layers, each on its own, on %d images: every output is the vector's\n", BINARY_LAYERS, images);
    long differing = 0;
    for (int image = 0; image < images; image++)
        differing += check_network(&expected[image], image, floats_may_differ);
    printf("whole network on %d images: every class is the vector's", images);
    if (differing)
        printf("; %ld bytes and floats differ through rounding in float layers\n", differing);
    else
        printf(", and so is every input of a binary layer and every logit\n");
    time_layers(&expected[0], repeats);
    free(expected);
    free(vector.bytes);
    return OK;
}
