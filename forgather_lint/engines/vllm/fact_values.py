"""The words in which the facts about vLLM are told (`data/vllm`)."""

from __future__ import annotations

from enum import StrEnum


class PlanReadFrom(StrEnum):
    """Where the tensor parallel plan is read: the configs, or the model after `post_init`."""

    CONFIG = "config"
    MODEL = "model"


class Picks(StrEnum):
    """Which of the plan entries that match a name is applied."""

    FIRST = "first"
    LAST = "last"


class LinearKind(StrEnum):
    """What replaces an nn.Linear; gathered: full output, splitting: full input."""

    COLUMN = "column"
    COLUMN_GATHERED = "column_gathered"
    ROW = "row"
    ROW_SPLITTING = "row_splitting"
    REPLICATED = "replicated"


class StageNames(StrEnum):
    """Where the names of a pipeline come from."""

    PLAN = "plan"
    PLAN_OR_DECODER = "plan_or_decoder"


class Lookup(StrEnum):
    """How a name of the pipeline plan is found; `getattr` takes no dots."""

    GETATTR = "getattr"
    ATTRGETTER = "attrgetter"


class BlockSearch(StrEnum):
    """How blocks of experts are recognised whose forward is replaced as a whole."""

    NEVER = "never"
    PARTS = "parts"
    DATAFLOW = "dataflow"


class NormSearch(StrEnum):
    """How RMSNorms are recognised."""

    NOTHING = "nothing"
    CLASS_NAME = "class_name"
    DATAFLOW = "dataflow"


class EmbeddingSearch(StrEnum):
    """How vocabulary tables are recognised."""

    GET_INPUT_EMBEDDINGS = "get_input_embeddings"
    VOCABULARY_SIZE = "vocabulary_size"


class OutputProjection(StrEnum):
    """Which Linear of a fused attention is made row parallel."""

    NONE = "none"
    ONLY_OTHER_OF_QUERY_WIDTH = "only_other_of_query_width"
    RETURNED = "returned"


class Hoisting(StrEnum):
    """What the calls of projections must be like for one call to stand for them."""

    NONE = "none"
    ONE_BLOCK = "one_block"
    INPUT_STABLE = "input_stable"


class AttentionGate(StrEnum):
    """What a class needs to be served at all."""

    DECLARED = "declared"
    DECLARED_OR_SETTABLE = "declared_or_settable"


class AttentionBinding(StrEnum):
    """How a layer's attention is found."""

    KEYWORD = "keyword"
    SOURCE = "source"


class BasePrefix(StrEnum):
    """The `base_model_prefix` with which weights are found."""

    MODEL = "model"
    ANY = "any"


class Fuser(StrEnum):
    """What a release finds in the graph of a module, and shards by itself."""

    LATENT = "MLAFuser"
    GLU = "GLUFuser"
    QKV = "QKVFuser"
    PACKED_QKV = "PackedQKVFuser"
    COLUMNS = "MergedColumnParallelFuser"
    NORM = "RMSNormFuser"
    ATTENTION = "AttentionFuser"


class InFlight(StrEnum):
    """How many tokens a window keeps free beside itself."""

    ONE_BATCH = "one_batch"
    ALL_BATCHES = "all_batches"


class UniformWindow(StrEnum):
    """When the window of the config is that of every layer: all of one type, or all sliding."""

    ONE_TYPE = "one_type"
    ALL_SLIDE = "all_slide"


class Counted(StrEnum):
    """How the size of the cache is told in tokens: by its blocks, or by the requests it holds."""

    BLOCKS = "blocks"
    REQUESTS = "requests"


class Needed(StrEnum):
    """What a request of full length is said to need: each layer by itself, or whole groups."""

    LAYERS = "layers"
    FIRST_GROUP = "first_group"
    GROUPS = "groups"


class WindowsOf(StrEnum):
    """The config that says which layers slide: the whole, or its text part."""

    WHOLE = "whole"
    TEXT = "text"
