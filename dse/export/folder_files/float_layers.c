/* See float_layers.h. */
#include "float_layers.h"

#include <math.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "built with -ffast-math: float layers would not give the bits of the test vector"
#endif

static int map_elements(struct map_size size) {
    return size.height * size.width * size.channels;
}

void standardise(const uint8_t *image, struct map_size size, const float *mean, const float *scale, float *output) {
    for (int pixel = 0; pixel < size.height * size.width; pixel++)
        for (int c = 0; c < size.channels; c++, image++, output++)
            *output = ((float)*image - mean[c]) * scale[c];
}

/* output[o] += input[c] * weights[c][o] for the channels of each group, c in the outer loop */
static void accumulate(const struct convolution *layer, const float *input, const float *weights, float *output) {
    int in_group = layer->input.channels / layer->groups;
    int out_group = layer->output.channels / layer->groups;
    for (int c = 0; c < in_group; c++, weights += layer->output.channels)
        for (int group = 0; group < layer->groups; group++) {
            float x = input[group * in_group + c];
            const float *w = weights + group * out_group;
            float *y = output + group * out_group;
            for (int o = 0; o < out_group; o++)
                y[o] += x * w[o];
        }
}

static void finish_pixel(const struct convolution *layer, float *output) {
    for (int o = 0; o < layer->output.channels; o++) {
        float y = layer->scale ? output[o] * layer->scale[o] : output[o];
        y = y + layer->bias[o];
        output[o] = layer->relu && !(y > 0) ? 0.0f : y;
    }
}

void convolve(const struct convolution *layer, const float *input, float *output) {
    struct map_size in = layer->input, out = layer->output;
    struct window window = layer->window;
    int tap = in.channels / layer->groups * out.channels;
    for (int row = 0; row < out.height; row++)
        for (int column = 0; column < out.width; column++, output += out.channels) {
            memset(output, 0, sizeof(float) * (size_t)out.channels);
            for (int i = 0; i < window.size * window.size; i++) {
                int y = row * window.stride - window.padding + i / window.size;
                int x = column * window.stride - window.padding + i % window.size;
                if (y >= 0 && y < in.height && x >= 0 && x < in.width)
                    accumulate(layer, input + (y * in.width + x) * in.channels, layer->weights + i * tap, output);
            }
            finish_pixel(layer, output);
        }
}

/* What becomes of the values of a window. */
enum pooling { MAXIMUM, AVERAGE, BLUR };

static float pool_pixel(enum pooling kind, struct map_size in, struct window window, int row, int column,
                        const float *input) {
    static const float blur[3] = {0.25f, 0.5f, 0.25f};
    float value = kind == MAXIMUM ? -INFINITY : 0.0f;
    int count = 0;
    for (int i = 0; i < window.size * window.size; i++) {
        int y = row * window.stride - window.padding + i / window.size;
        int x = column * window.stride - window.padding + i % window.size;
        if (y < 0 || y >= in.height || x < 0 || x >= in.width)
            continue;
        float element = input[(y * in.width + x) * in.channels];
        count++;
        if (kind == MAXIMUM)
            value = element > value ? element : value;
        else if (kind == AVERAGE)
            value += element;
        else
            value += element * (blur[i / 3] * blur[i % 3]);
    }
    return kind == AVERAGE ? value / (float)count : value;
}

static void pool(enum pooling kind, struct map_size in, struct map_size out, struct window window, const float *input,
                 float *output) {
    for (int row = 0; row < out.height; row++)
        for (int column = 0; column < out.width; column++)
            for (int c = 0; c < out.channels; c++)
                *output++ = pool_pixel(kind, in, window, row, column, input + c);
}

void max_pool(struct map_size in, struct map_size out, struct window window, const float *input, float *output) {
    pool(MAXIMUM, in, out, window, input, output);
}

void average_pool(struct map_size in, struct map_size out, struct window window, const float *input, float *output) {
    pool(AVERAGE, in, out, window, input, output);
}

void blur_pool(struct map_size in, struct map_size out, struct window window, const float *input, float *output) {
    pool(BLUR, in, out, window, input, output);
}

void rectify(struct map_size size, const float *input, float *output) {
    for (int i = 0; i < map_elements(size); i++)
        output[i] = input[i] > 0 ? input[i] : 0.0f;
}

void to_bytes(struct map_size size, int scale, const float *input, int8_t *output) {
    for (int i = 0; i < map_elements(size); i++) {
        float rounded = floorf(input[i] * (float)scale + 0.5f);
        output[i] = (int8_t)(rounded < -128.0f ? -128.0f : rounded > 127.0f ? 127.0f : rounded);
    }
}

void to_float(struct map_size size, int scale, const int8_t *input, float *output) {
    float step = 1.0f / (float)scale;
    for (int i = 0; i < map_elements(size); i++)
        output[i] = (float)input[i] * step;
}

void repeat_channels(struct map_size size, int copies, int channel_bytes, const void *input, void *output) {
    size_t bytes = (size_t)size.channels * (size_t)channel_bytes;
    const char *from = input;
    char *to = output;
    for (int pixel = 0; pixel < size.height * size.width; pixel++, from += bytes)
        for (int copy = 0; copy < copies; copy++, to += bytes)
            memcpy(to, from, bytes);
}

/* The first byte of a pixel inside the border. */
static uint8_t *packed_pixel(const struct packed_map *packed, int row, int column) {
    int row_pixels = packed->size.width + 2 * packed->border;
    return packed->bits + ((row + packed->border) * row_pixels + column + packed->border) * packed->pixel_bytes;
}

void pack_signs(const struct packed_map *packed, struct sign_of sign, const float *input) {
    for (int row = 0; row < packed->size.height; row++)
        for (int column = 0; column < packed->size.width; column++) {
            uint8_t *bits = packed_pixel(packed, row, column);
            memset(bits, 0, (size_t)packed->pixel_bytes);
            for (int c = 0; c < packed->size.channels; c++) {
                float x = *input++;
                if (sign.scale)
                    x = x * sign.scale[c] + sign.bias[c];
                if (x < (sign.threshold ? sign.threshold[c] : 0.0f))
                    bits[c / 8] |= (uint8_t)(1 << c % 8);
            }
        }
}

void pack_signs_of_bytes(const struct packed_map *packed, const int8_t *input) {
    for (int row = 0; row < packed->size.height; row++)
        for (int column = 0; column < packed->size.width; column++) {
            uint8_t *bits = packed_pixel(packed, row, column);
            memset(bits, 0, (size_t)packed->pixel_bytes);
            for (int c = 0; c < packed->size.channels; c++)
                if (*input++ < 0)
                    bits[c / 8] |= (uint8_t)(1 << c % 8);
        }
}

#define FINISH_SUMS(type)                                                                                              \
    void finish_sums_##type(struct map_size out, int size, int relu, int in_width, int pitch, const type##_t *in,      \
                            type##_t *to) {                                                                            \
        for (int row = 0; row < out.height; row++)                                                                     \
            for (int column = 0; column < out.width; column++)                                                         \
                for (int c = 0; c < out.channels; c++) {                                                               \
                    const type##_t *first = in + (row * in_width + column) * size * pitch + c;                         \
                    type##_t most = *first;                                                                            \
                    for (int i = 1; i < size * size; i++) {                                                            \
                        type##_t sum = first[(i / size * in_width + i % size) * pitch];                                \
                        most = sum > most ? sum : most;                                                                \
                    }                                                                                                  \
                    *to++ = relu && most < 0 ? 0 : most;                                                               \
                }                                                                                                      \
    }

FINISH_SUMS(int8)
FINISH_SUMS(int16)
FINISH_SUMS(int32)

/* Means over a grid of cells, whose borders are rounded down at their start and up at their end. */
static void average_cells(struct map_size in, int cells, const float *input, float *output) {
    for (int cell = 0; cell < cells * cells; cell++, output += in.channels) {
        int first_row = cell / cells * in.height / cells, first_column = cell % cells * in.width / cells;
        int end_row = ((cell / cells + 1) * in.height + cells - 1) / cells;
        int end_column = ((cell % cells + 1) * in.width + cells - 1) / cells;
        memset(output, 0, sizeof(float) * (size_t)in.channels);
        for (int row = first_row; row < end_row; row++)
            for (int column = first_column; column < end_column; column++)
                for (int c = 0; c < in.channels; c++)
                    output[c] += input[(row * in.width + column) * in.channels + c];
        for (int c = 0; c < in.channels; c++)
            output[c] = output[c] / (float)((end_row - first_row) * (end_column - first_column));
    }
}

void classify(const struct classifier *layer, const float *input, float *features, float *logits) {
    struct map_size in = layer->input;
    int count = layer->grid ? layer->grid * layer->grid * in.channels : map_elements(in);
    const float *seen = input;
    if (layer->relu) {
        rectify(in, input, features);
        seen = features;
    }
    if (layer->grid) {
        float *averages = features + (layer->relu ? map_elements(in) : 0);
        average_cells(in, layer->grid, seen, averages);
        seen = averages;
    }
    memset(logits, 0, sizeof(float) * (size_t)layer->classes);
    for (int feature = 0; feature < count; feature++)
        for (int k = 0; k < layer->classes; k++)
            logits[k] += seen[feature] * layer->weights[feature * layer->classes + k];
    for (int k = 0; k < layer->classes; k++)
        logits[k] = logits[k] + layer->bias[k];
}
