/* mapping_work.h: what the files of mapping.h share: mapping.c builds the program, mapping_read.c reads a
 * record's values, mapping_cast.c makes them what the entries want, mapping_say.c has the words for what does
 * not fit, and mapping_write.c writes the line. */
#ifndef NEAP_CORE_MAPPING_WORK_H
#define NEAP_CORE_MAPPING_WORK_H

#include <stdint.h>

#include "json_copy.h"
#include "json_scan.h"
#include "mapping.h"

#define NEAP_MAPPING__NONE UINT32_MAX /* no node */

typedef enum neap_mapping_kind {
    NEAP_MAPPING__NOTHING,
    NEAP_MAPPING__NULL,
    NEAP_MAPPING__TRUE,    /* as the record has it, s is its JSON, as for INTEGER */
    NEAP_MAPPING__FALSE,
    NEAP_MAPPING__INTEGER, /* s: its digits */
    NEAP_MAPPING__FLOAT,   /* number; if it is plain, s is its JSON */
    NEAP_MAPPING__TEXT,    /* s: what the string says */
    NEAP_MAPPING__LIST,    /* s: canonical JSON */
    NEAP_MAPPING__OBJECT,  /* s: canonical JSON */
    NEAP_MAPPING__PARTS    /* a list: s, cut at each delimiter */
} neap_mapping_kind;

/* A value on its way from the record to the line. */
typedef struct neap_mapping_value {
    neap_mapping_kind kind;
    bool plain;    /* of TEXT, PARTS and FLOAT: JSON writes it as it is, text between quotes */
    bool listed;   /* it is the one item of a list */
    const char *s; /* borrowed; NULL: at `at` of the buffer that its holder has for it */
    size_t at;
    size_t len;
    double number;
    neap_mapping_text delimiter; /* of PARTS */
} neap_mapping_value;

/* Bytes in neap_mapping.text. */
typedef struct neap_mapping_span {
    size_t at, len;
} neap_mapping_span;

/* Which member of the record a node has its value from. */
typedef enum neap_mapping_match {
    NEAP_MAPPING__UNMATCHED,
    NEAP_MAPPING__FOLDED, /* of a name that differs by case */
    NEAP_MAPPING__EXACT
} neap_mapping_match;

/* A member of records that entries' ways name or lead through. The first is the record itself. */
typedef struct neap_mapping_node {
    neap_mapping_span name;
    uint32_t hash;
    uint32_t parent, child, sibling; /* the child is the first one; NEAP_MAPPING__NONE: none */
    uint32_t also;                   /* the next one that has its value from the same member */
    bool wanted;                     /* a way ends here: its value is kept */
    bool named;                      /* a way of one step: the rest has it not */
    bool is_target;                  /* a target has that name: the rest has it not */
    bool alone;                      /* no other node has that name but for its case */
    bool plain;                      /* JSON writes the name as it is */
    neap_mapping_match match;        /* of this record, like the rest of it */
    neap_mapping_span key;           /* FOLDED: its name, in `values` */
    neap_mapping_value value;        /* text with s = NULL is in `values` */
    uint64_t seen;                   /* number of the last record that an entry got it of; 0: none */
} neap_mapping_node;

/* A compiled entry. */
typedef struct neap_mapping_step {
    neap_mapping_span prefix; /* `,"name":`, and a constant's JSON */
    neap_mapping_span to;
    uint32_t node; /* NEAP_MAPPING__NONE: a constant */
    bool has_otherwise;
    bool is_direct;              /* none of the members below matters */
    neap_mapping_cast cast;      /* of the value */
    neap_mapping_span split;     /* len 0: none */
    size_t at;                   /* 0: none */
    neap_mapping_value constant; /* or the default; text is in `text` */
} neap_mapping_step;

#define NEAP_MAPPING__GUESSES 32

struct neap_mapping {
    neap_mapping_format format;
    bool rest;
    bool any_case;
    uint64_t count;  /* records */
    neap_buf text;   /* of the program: names, prefixes, constants */
    neap_buf nodes;  /* neap_mapping_node[] */
    neap_buf steps;  /* neap_mapping_step[] */
    neap_buf places; /* uint32_t[], a power of two: nodes by hash of parent and name */
    /* Which nodes the first members of the last record had: those of the next are likely the same. */
    uint32_t guesses[NEAP_MAPPING__GUESSES];
    neap_json_reader reader; /* of the record */
    neap_json_reader inner;  /* of a value in it */
    neap_json_copy values;   /* of the record: texts that are not in it as they are, lists, objects */
    neap_json_copy others;   /* the rest's members */
    neap_buf work;           /* the text of one value */
    neap_buf cell;           /* the JSON of one cell */
};

/* Looks for nodes below a parent: sets where to begin, then gets one after the other, those whose name differs
 * by case with any_case; NEAP_MAPPING__NONE behind the last. */
typedef struct neap_mapping_search {
    const char *name;
    size_t len;
    uint32_t parent, hash;
    size_t at;
} neap_mapping_search;
void neap_mapping__search(const neap_mapping *, neap_mapping_search *, uint32_t parent, const char *name,
                          size_t len);
uint32_t neap_mapping__next(const neap_mapping *, neap_mapping_search *);

/* Is that the name of a node? */
static inline bool neap_mapping__is_name(const neap_mapping *m, neap_mapping_span span, const char *s,
                                         size_t len) {
    return span.len == len && neap_json__is_same(m->text.data + span.at, s, len);
}

/* Keeps the value that the reader has just begun, and reads it to its end. Texts go to the copies. 0 or the
 * reader's error, or NEAP_ENOMEM. */
int neap_mapping__keep(neap_mapping_value *, neap_json_copy *, neap_json_reader *, neap_json_token);

/* Reads a record into the nodes' values and the others. As neap_mapping_apply. */
int neap_mapping__read(neap_mapping *, const char *json, size_t len, neap_err *);

/* The same for an object with something behind it, maybe. Gets its length, 0: it is not whole, or not right. */
size_t neap_mapping__try_read(neap_mapping *, const char *json, size_t len);

/* Gets the value of a step, complete; its s is good until the next. As neap_mapping_apply. */
int neap_mapping__get(neap_mapping *, const neap_mapping_step *, neap_mapping_value *, neap_err *);

/* Gets the end of the part of PARTS that begins at p; *next: where the one behind it begins, NULL for the
 * last. The text is not empty. */
const char *neap_mapping__part_end(const neap_mapping_value *, const char *p, const char **next);

/* Appends the JSON of a value that is not NOTHING. 0 or NEAP_ENOMEM. */
int neap_mapping__put_json(neap_buf *, const neap_mapping_value *);

/* Writes how a message shows a value: `a string ("x")`, `a list`. */
#define NEAP_MAPPING__SAID 300
void neap_mapping__say(const neap_mapping_value *, char out[NEAP_MAPPING__SAID]);
/* Refuses what a step got. Returns NEAP_EDECODE. */
int neap_mapping__refuse(const neap_mapping *, const neap_mapping_step *, const char *expected,
                         const neap_mapping_value *got, neap_err *);

static inline neap_mapping_node *neap_mapping__nodes(const neap_mapping *m) {
    return (neap_mapping_node *)(void *)m->nodes.data;
}

static inline size_t neap_mapping__node_count(const neap_mapping *m) {
    return m->nodes.len / sizeof(neap_mapping_node);
}

static inline neap_mapping_step *neap_mapping__steps(const neap_mapping *m) {
    return (neap_mapping_step *)(void *)m->steps.data;
}

static inline size_t neap_mapping__step_count(const neap_mapping *m) {
    return m->steps.len / sizeof(neap_mapping_step);
}

static inline int neap_mapping__no_memory(neap_err *err) {
    return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
}

#endif
