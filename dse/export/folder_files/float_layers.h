/* The float layers of the network, in portable C.
 *
 * Maps are (rows, columns, channels), channels contiguous. Each operation is rounded to the nearest float on its own, in
 * the order that the code says: built with -ffp-contract=off and without -ffast-math, every compiler gives the same bits
 * as the reference that made the test vector.
 */
#ifndef FLOAT_LAYERS_H
#define FLOAT_LAYERS_H

#include <stdint.h>

struct map_size {
    int height, width, channels;
};

/* Square windows: the first one starts `padding` pixels outside of the map, the next one `stride` pixels further. */
struct window {
    int size, stride, padding;
};

struct convolution {
    struct map_size input, output;
    struct window window;
    int groups;
    const float *weights; /* window rows, window columns, channels in of a group, channels out */
    const float *scale;   /* of each output channel; NULL: 1 */
    const float *bias;
    int relu;
};

struct classifier {
    struct map_size input;
    int relu;             /* whether a ReLU comes first */
    int grid;             /* cells each way that are averaged; 0: every pixel is a feature */
    int classes;
    const float *weights; /* features in the order of the map, classes */
    const float *bias;
};

/* A packed map of signs: bit 1 where a value is less than 0. Channel c is bit c mod 8 of byte c / 8 of a pixel. */
struct packed_map {
    uint8_t *bits;
    struct map_size size; /* without the border */
    int border;           /* pixels around it, which stay 0: +1 */
    int pixel_bytes;
};

/* What stands in front of a sign, for each channel: x * scale + bias (scale NULL: x), then less `threshold` (NULL: 0). */
struct sign_of {
    const float *scale, *bias, *threshold;
};

/* (pixel - mean) * scale for each channel */
void standardise(const uint8_t *image, struct map_size size, const float *mean, const float *scale, float *output);

void convolve(const struct convolution *layer, const float *input, float *output);
void max_pool(struct map_size in, struct map_size out, struct window window, const float *input, float *output);
/* Pixels outside of the map do not count. */
void average_pool(struct map_size in, struct map_size out, struct window window, const float *input, float *output);
/* 1 2 1 by 1 2 1 over 16, padded with zeros */
void blur_pool(struct map_size in, struct map_size out, struct window window, const float *input, float *output);
void rectify(struct map_size size, const float *input, float *output);

/* Bytes are multiples of 1 / scale, a power of two: rounded, halves up, and saturated. */
void to_bytes(struct map_size size, int scale, const float *input, int8_t *output);
void to_float(struct map_size size, int scale, const int8_t *input, float *output);

/* All channels, `copies` times; `channel_bytes` bytes each. */
void repeat_channels(struct map_size size, int copies, int channel_bytes, const void *input, void *output);

void pack_signs(const struct packed_map *packed, struct sign_of sign, const float *input);
void pack_signs_of_bytes(const struct packed_map *packed, const int8_t *input);

/* Maxima of windows of size x size sums that do not overlap, and with relu nothing below 0; `pitch` sums a pixel in. */
void finish_sums_int8(struct map_size out, int size, int relu, int in_width, int pitch, const int8_t *in, int8_t *to);
void finish_sums_int16(struct map_size out, int size, int relu, int in_width, int pitch, const int16_t *in, int16_t *to);
void finish_sums_int32(struct map_size out, int size, int relu, int in_width, int pitch, const int32_t *in, int32_t *to);

/* `features` has room for twice as many floats as the input, or the input and the grid, whichever is more. */
void classify(const struct classifier *layer, const float *input, float *features, float *logits);

#endif
