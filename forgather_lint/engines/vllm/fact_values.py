"""The words that the values of facts about vLLM consist of (`data/vllm`)."""

from __future__ import annotations

from enum import StrEnum


class PlanReadFrom(StrEnum):
    """Where the tensor-parallel plan is read: the configs, or the model after `post_init`."""

    CONFIG = "config"
    MODEL = "model"


class Picks(StrEnum):
    """Which of the plan entries that match a name is applied."""

    FIRST = "first"
    LAST = "last"


class LinearKind(StrEnum):
    """What replaces an nn.Linear; gathered: its output is whole; splitting: its input is whole."""

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
    """How a name in the pipeline plan is looked up; `getattr` accepts no dots."""

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
    """Which Linear of a fused attention becomes row-parallel."""

    NONE = "none"
    ONLY_OTHER_OF_QUERY_WIDTH = "only_other_of_query_width"
    RETURNED = "returned"


class Hoisting(StrEnum):
    """What calls of projections have to be like to be replaced by a single call."""

    NONE = "none"
    ONE_BLOCK = "one_block"
    INPUT_STABLE = "input_stable"


class AttentionGate(StrEnum):
    """What a class needs for being served at all."""

    DECLARED = "declared"
    DECLARED_OR_SETTABLE = "declared_or_settable"


class AttentionBinding(StrEnum):
    """How a layer's attention is found."""

    KEYWORD = "keyword"
    SOURCE = "source"


class BasePrefix(StrEnum):
    """Where the `base_model_prefix` comes from by which weights are found."""

    MODEL = "model"
    ANY = "any"


class Fuser(StrEnum):
    """What a release recognises in the graph of a module, and shards by itself."""

    LATENT = "MLAFuser"
    GLU = "GLUFuser"
    QKV = "QKVFuser"
    PACKED_QKV = "PackedQKVFuser"
    COLUMNS = "MergedColumnParallelFuser"
    NORM = "RMSNormFuser"
    ATTENTION = "AttentionFuser"


class InFlight(StrEnum):
    """How many tokens beyond its size a window keeps."""

    ONE_BATCH = "one_batch"
    ALL_BATCHES = "all_batches"


class UniformWindow(StrEnum):
    """When the window of the config applies to every layer: all of one type, or all sliding."""

    ONE_TYPE = "one_type"
    ALL_SLIDE = "all_slide"


class Counted(StrEnum):
    """How the size of the cache is given in tokens: by its blocks, or by the requests it holds."""

    BLOCKS = "blocks"
    REQUESTS = "requests"


class Needed(StrEnum):
    """How the need of a request of full length is computed: layer by layer, or by whole groups."""

    LAYERS = "layers"
    FIRST_GROUP = "first_group"
    GROUPS = "groups"


class WindowsOf(StrEnum):
    """Which config says which layers slide: the whole one, or the text config."""

    WHOLE = "whole"
    TEXT = "text"
