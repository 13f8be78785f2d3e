"""What a target requires of a model beside its plans: config, classes, attention, weights."""
