"""FGL620 to FGL634: the weights beside the model, as the target release loads them."""
