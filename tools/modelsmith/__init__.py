"""Generates custom-code models from choices that authors make, and asks engines about them.

    design       what can be chosen, drawn from a seed, made simpler
    names        how authors name modules and the fields of a config
    text         lines of Python, indented
    attention    projections, norms of heads, positions, ways to attend, and more
    norms        ways to write a norm
    feedforward  gates, experts, routers
    mixing       state carried along the sequence outside attention
    blocks       layers and their residuals
    stack        the model around the layers, and the head
    config       the config class, config.json and both plans, with the mistakes of a design
    model        all files of a model
    static       what the analysis says
    batch        a seed's models: judged, then asked
    reducing     the simplest design on which both still disagree
    contact      the rates at first contact, kept in `fixtures/verdicts/first_contact.json`

`python -m tools.modelsmith --help` writes, judges, asks and reduces.
"""
