"""Export of a trained design: a folder with kernels, weights, driver and test vector that an engineer takes to a board.

`steps` says what a network does from an image to logits, one step after the other. The driver in C (`c_network`) and
the reference that makes the test vector (`reference`) are both made from the same steps.
"""
