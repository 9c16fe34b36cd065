/* mask.cl: draws Bernoulli masks; bit-identical on every device, for the comparison is one of integers. */

/* One work-item for each Philox index and each position within a block: it writes that position in the
 * blocks of the index's four draws. A draw is kept when its word is below `threshold` (0 to 2^32). The
 * last dimension has `width` entries in `row_blocks` blocks of `block`, the last one maybe shorter. */
__kernel void mask_draw(__global real *mask, long draws, long row_blocks, long block, long width,
                        long threshold, real kept, uint4 key)
{
    long item = get_global_id(0), index = item / block, position = item % block;
    if (index * 4 >= draws)
        return;
    uint4 word = dcl_philox(key, (ulong)index);
    uint words[4] = {word.x, word.y, word.z, word.w};
    for (int k = 0; k < 4 && index * 4 + k < draws; k++) {
        long draw = index * 4 + k, row = draw / row_blocks;
        long column = (draw % row_blocks) * block + position;
        if (column < width)
            mask[row * width + column] = (long)words[k] < threshold ? kept : R(0.0);
    }
}
