"""What a target asks of a model beside its plans: config, classes, attention, weights."""
