-- SPDX-License-Identifier: MIT
-- The database of a campaign: its plan, its devices, the result of each trial.
--
--   sqlite3 out.db "SELECT site, outcome, count(*) FROM trial
--                   WHERE arm = 'none' AND control IS NULL AND suspect IS NULL
--                   GROUP BY site, outcome"
--
-- Times are left out, so that equal campaigns give equal rows. NULL means: does not apply, was not
-- computed at this record level, or is NaN. Reals may be Inf.
-- Columns of type ANY hold reals: in a REAL column SQLite stores a whole number as an integer, and the
-- sign of -0.0 is lost.
-- `digest` is a 64-bit sum of the other values of its row in the order below. The program checks it
-- at every read, so rows must not be edited; extra tables, indexes and views do no harm.
-- While a campaign writes, the newest rows are in NAME-wal: copy a database only when no such file
-- lies beside it.

PRAGMA application_id = 1986749033; -- "vkfi"
PRAGMA user_version = 9; -- of this schema; a program reads its own version only

-- One row: the campaign of this database. All shards of a campaign agree in all but shard.
CREATE TABLE campaign (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    plan_hash TEXT NOT NULL CHECK (length(plan_hash) = 64), -- SHA-256 of the canonical plan
    model_hash TEXT NOT NULL CHECK (length(model_hash) = 64), -- SHA-256 of the model file
    shaders TEXT NOT NULL, -- hash over all shaders of the build
    contract TEXT NOT NULL, -- version of the arithmetic, "exact-1"
    tool TEXT NOT NULL, -- program and version that made the database
    model TEXT NOT NULL, -- architecture, name, file_type, bytes, tensors by type, JSON; '': not known
    plan TEXT NOT NULL, -- the plan's JSON text as given, with its waves
    waves TEXT NOT NULL, -- trials @ first id of each further wave: '500@3328+200@3848'; '': none
    trials INTEGER NOT NULL CHECK (trials >= 0), -- ids are 0 .. trials - 1
    shard INTEGER NOT NULL CHECK (shard >= 0 AND shard < shards),
    shards INTEGER NOT NULL CHECK (shards <= 4294967295), -- here are the ids with id % shards = shard
    digest INTEGER NOT NULL
) STRICT;

-- A Vulkan device or a form of the CPU device that ran trials.
CREATE TABLE device (
    id INTEGER PRIMARY KEY,
    name TEXT,
    uuid TEXT,
    driver TEXT,
    driver_version TEXT,
    probe TEXT, -- what the probe of its arithmetic found, JSON
    constants TEXT, -- specialization constants, JSON
    cpu_flags TEXT,
    threads INTEGER,
    digest INTEGER NOT NULL
) STRICT;

-- A stratum as drawn: a total over strata is the sum of weight * rate.
CREATE TABLE stratum (
    id INTEGER PRIMARY KEY,
    label TEXT NOT NULL, -- "layer=3 bit_field=exponent"
    weight ANY, -- W_h, sums to 1; NULL with population equal
    size ANY, -- elementary faults in it
    planned INTEGER NOT NULL, -- trials
    distinct_faults INTEGER NOT NULL CHECK (distinct_faults IN (0, 1)), -- 1: no fault comes twice
    no_fault ANY, -- bit error rate: share of runs without any fault, which are not drawn; else 0
    digest INTEGER NOT NULL
) STRICT;

-- A prompt of the plan and its golden run; of an item with several samples, one of them.
CREATE TABLE item (
    id INTEGER PRIMARY KEY, -- index in the plan
    prompt TEXT,
    text TEXT, -- golden text
    prompt_group TEXT, -- of its prompt set in the plan; '': none
    prompt_ids TEXT, -- ids of the prompt as run, chat template and begin token included, JSON
    tokens TEXT, -- golden ids, JSON
    hash TEXT, -- of the golden run's step hashes
    n_prompt INTEGER NOT NULL, -- prompt tokens
    n_tokens INTEGER NOT NULL, -- golden tokens
    weight ANY, -- of the item
    underflow INTEGER NOT NULL CHECK (underflow IN (0, 1)), -- denormals met: bits may depend on the device
    task TEXT, -- of whose data it is; null, as all below: an item without a scorer
    area TEXT, -- group of tasks: reasoning, multilingual, mathematical, coding, other
    doc_id TEXT, -- its name in the task's data
    task_group TEXT, -- language, subject, level or pair
    target TEXT, -- reference answer; of choices the right one, from 0
    sample INTEGER, -- of the item's, from 0, all in a row; null: it has no others
    answer TEXT, -- golden's; of choices the one chosen, from 0
    choice_logp TEXT, -- JSON: golden's log-likelihood of each choice in nats; null: no choices
    score ANY, -- golden's, from 0 to 1
    chance ANY, -- score of a guess; null: not known
    digest INTEGER NOT NULL
) STRICT;

-- A trial: one fault, or n_faults of them, in one inference; again for each arm whose protections
-- look at it; and the clean runs of each arm. The columns up to suspect are those of
-- `vkfi export`; "free" ones may differ when the trial is run again, all others may not.
-- (written by tests/inject/test_schema.c from inject/store/trial_row.h and inject/space/kinds.h)
CREATE TABLE trial (
    trial INTEGER NOT NULL, -- id: with the plan it gives the fault; -1 - item: clean run
    arm TEXT NOT NULL, -- of the plan, under whose protections it ran; 'none'
    control TEXT, -- null: counts; dry, sentinel, naive, cpu, clean: kept out of rates
    item INTEGER REFERENCES item (id), -- index of the prompt in the plan
    stratum INTEGER REFERENCES stratum (id), -- index in table stratum
    weight ANY, -- W_h of the stratum
    draw_prob ANY, -- probability with which this fault was drawn in its stratum
    choice INTEGER, -- the only choice struck, from 0; null: all, or no choices
    mc_target TEXT, -- runs of choices struck: context, one_choice, all; null: no choices
    n_faults INTEGER, -- faults of this trial; coordinates below are of the first [faults]
    place TEXT NOT NULL, -- op, weight, kv, table, control
    site TEXT NOT NULL, -- name in the graph or file
    layer INTEGER, -- null: embedding, output norm, output
    op TEXT, -- kind of operation; null for memory and control
    point TEXT, -- operand, weight, partial, out, mem, accumulator
    readers TEXT, -- who sees a weight or operand as read; null: neither
    granularity TEXT, -- elements an activation covers
    kind TEXT NOT NULL, -- what happens to the bits
    duration TEXT, -- transient, intermittent, permanent, persistent
    stage TEXT, -- of the first position struck: prefill, first, decode
    step INTEGER, -- decode step of the first position; null before the prompt's last
    position INTEGER, -- first position struck
    positions INTEGER, -- positions struck; null: to the end [positions]
    row INTEGER, -- first row struck
    rows INTEGER, -- rows struck from there on [rows]
    k INTEGER, -- element of the row (before 3: col); null: the point has none
    key INTEGER, -- key position; null: the point has none
    byte_offset INTEGER, -- stored weight: of the struck bit's byte in the tensor [bytes]
    bit INTEGER, -- lowest bit of the mask; null: no mask
    mask INTEGER, -- bits concerned; null: no mask
    bit_field TEXT, -- sign, exponent, mantissa, code, scale, min, subscale, submin, integer
    width INTEGER, -- of what is struck: 32, 16 or those of a field of a block [bits]
    fault TEXT, -- for `vkfi run --fault`: the fault, several: their list; SQL: the first
    dir TEXT, -- 0>1, 1>0, mixed; null: nothing changed
    before INTEGER, -- raw bits, canonical NaN
    after INTEGER, -- raw bits
    before_value ANY, -- value of `before` in the struck type
    after_value ANY, -- value of `after` in the struck type
    rel_change ANY, -- |after - before| / |before|
    activations INTEGER, -- read back from the device [activations]
    expected_activations INTEGER, -- predicted from golden [activations]
    outcome TEXT NOT NULL, -- ladder of METHOD.md 3
    due_reason TEXT, -- null unless due
    flags TEXT, -- what else was seen; SQL: names joined by '+', null: none
    first_diff INTEGER, -- first step with another token; null: none
    golden_len INTEGER, -- length of the golden run [tokens]
    faulty_len INTEGER, -- length of the run with the fault [tokens]
    margin_at_fault ANY, -- golden logit margin (first - second) at the struck step [logits]
    margin_min_after ANY, -- smallest golden margin from there on [logits]
    logp_sum ANY, -- teacher-forced log p_faulty - log p_golden over later tokens [nats]
    logp_mean ANY, -- the same a token [nats/token]
    logp_worst ANY, -- the lowest of a token [nats/token]
    kl ANY, -- mean KL(golden || faulty) of those steps, full vocabulary [nats/token]
    deviation TEXT, -- of the struck position's residual, by layer: max_abs, rel_l2, bits
    healed_at INTEGER, -- first position from which all columns equal golden; null: none
    nan_site TEXT, -- first Inf or NaN that golden has not
    nan_layer INTEGER, -- its layer
    nan_step INTEGER, -- its decode step
    answer_golden TEXT, -- of a scorer; null: no scorer
    answer_faulty TEXT, -- the same of the faulty run
    score_golden ANY, -- of a scorer
    score_faulty ANY, -- of a scorer
    faulty_text TEXT, -- text of the faulty run; null: it did not end (SQL: or is golden's)
    hash TEXT, -- 16 hex digits: of all step hashes; null where tokens were certified
    arm_weight ANY, -- trials of arm none that it stands for; all of these null: arm none [trials]
    protection TEXT, -- none, false_alarm, corrected, uncorrected, detected: alarms' worth
    verdict TEXT, -- what the protections say: clean, false_alarm, corrected, uncorrected
    alarms INTEGER, -- of the run [alarms]
    alarm_at INTEGER, -- position of the first alarm; null: none
    alarm_delay INTEGER, -- given from the fault to the first alarm; null: no such alarm [tokens]
    redone INTEGER, -- computed again [columns]
    path TEXT, -- free: fast, naive
    attempts INTEGER, -- free: 1, more after a crash [runs]
    device_id INTEGER REFERENCES device (id), -- free: row of table device (before 5: device)
    seconds ANY, -- free: its share of its batch [seconds]
    suspect TEXT, -- free: why a failed control makes it doubtful; null: trusted
    batch INTEGER NOT NULL, -- number of the transaction that wrote the row, from 1
    digest INTEGER NOT NULL,
    CONSTRAINT control CHECK (control IN ('dry', 'sentinel', 'naive', 'cpu', 'clean')),
    CONSTRAINT mc_target CHECK (mc_target IN ('context', 'one_choice', 'all')),
    CONSTRAINT place CHECK (place IN ('op', 'weight', 'kv', 'table', 'control')),
    CONSTRAINT point CHECK (point IN ('operand', 'weight', 'partial', 'out', 'mem',
        'accumulator')),
    CONSTRAINT readers CHECK (readers IN ('column', 'chunk', 'stage', 'row', 'tile', 'all')),
    CONSTRAINT kind CHECK (kind IN ('flip', 'stuck_at_0', 'stuck_at_1', 'set', 'zero',
        'random', 'stale', 'mix', 'clamp', 'scale', 'add', 'wrong_read', 'wrong_write', 'dry')),
    CONSTRAINT granularity CHECK (granularity IN ('element', 'vector', 'feature', 'tensor',
        'lane', 'tile')),
    CONSTRAINT stage CHECK (stage IN ('prefill', 'first', 'decode', 'any')),
    CONSTRAINT duration CHECK (duration IN ('transient', 'intermittent', 'permanent',
        'persistent')),
    CONSTRAINT outcome CHECK (outcome IN ('not_reached', 'inert', 'due', 'masked_bitexact',
        'masked_tokens', 'sdc_unscored', 'sdc_improved', 'sdc_benign', 'sdc_critical')),
    CONSTRAINT due_reason CHECK (due_reason IN ('range', 'nan_trap', 'runaway', 'device_lost',
        'abort')),
    CONSTRAINT dir CHECK (dir IN ('0>1', '1>0', 'mixed')),
    CONSTRAINT path CHECK (path IN ('fast', 'naive')),
    CONSTRAINT protection CHECK (protection IN ('none', 'false_alarm', 'corrected',
        'uncorrected', 'detected')),
    CONSTRAINT verdict CHECK (verdict IN ('clean', 'false_alarm', 'corrected', 'uncorrected')),
    CONSTRAINT due CHECK (due_reason IS NULL OR outcome = 'due'),
    CONSTRAINT clean CHECK (trial >= 0 OR control = 'clean'),
    CONSTRAINT armed CHECK ((arm = 'none') = (arm_weight IS NULL)),
    PRIMARY KEY (trial, arm)
) STRICT, WITHOUT ROWID;

-- Controls: rows since the last good one of a kind on a device are suspect if the next of that kind
-- fails.
CREATE INDEX trial_control ON trial (device_id, batch) WHERE control IS NOT NULL;

-- Faults 1, 2, ... of trials with n_faults > 1; fault 0 is in table trial.
CREATE TABLE fault (
    trial INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    json TEXT NOT NULL, -- as in a fault file of `vkfi run --fault`
    digest INTEGER NOT NULL,
    arm TEXT NOT NULL DEFAULT 'none' CHECK (arm = 'none'), -- all arms of a trial have its faults
    PRIMARY KEY (trial, number),
    FOREIGN KEY (trial, arm) REFERENCES trial (trial, arm)
) STRICT, WITHOUT ROWID;

-- Abnormal ends that did not recur when the trial was run again: never an outcome.
CREATE TABLE incident (
    id INTEGER PRIMARY KEY,
    trial INTEGER NOT NULL,
    device INTEGER NOT NULL REFERENCES device (id),
    what TEXT NOT NULL,
    digest INTEGER NOT NULL
) STRICT;
