"""Training: recipes, the loop, trained networks and their files. Import the modules; PyTorch takes seconds."""
