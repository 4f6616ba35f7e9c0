/* The route engine: what a day is, what a plan of it is, and which file does what.

   A plan is one order of all jobs (a key each) and a carer for each visit; a route is the order restricted to
   one carer, so start times follow in one pass and no move can make routes wait for each other.

     timing.h     links routes, brings times up to date after a move, undoes it
     insertion.h  where one job costs least; taking jobs out and putting them back
     moves.h      small random changes
     engine.c     annealing, the best plan, and the functions Python calls

   All times and prices are minutes. Nothing here reads a clock or allocates after engine_open. */
#ifndef ENGINE_H
#define ENGINE_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOWHERE (-1) /* location of a screen visit, and of a shift that begins or ends at a citizen */
#define LIMIT_TOLERANCE 1e-6
#define UNREACHABLE 100000.0 /* minutes of a way that is not known */
#define UNEVEN_KNEE 30.0

/* One problem as flat arrays; mirrored field by field by scheduling/flat.py. */
typedef struct {
    int32_t visits, jobs, carers, places;
    /* per visit */
    const double *open, *close, *due, *duration, *price, *work, *tight_from;
    const int32_t *location, *job_of;
    const uint8_t *begun;
    const uint8_t *can;        /* visits x carers */
    const double *irregular;   /* visits x carers, or NULL where it is free */
    const int32_t *able_at, *able; /* carers who may do visit v: able[able_at[v] .. able_at[v + 1]] */
    const int32_t *near_at, *near; /* visits that fit beside it, best first */
    const int32_t *told_carer;     /* who people were told, -1: nobody or nothing; NULL: no day has been told */
    const double *told_from, *told_to; /* a start outside of these is another start than was told */
    /* per job */
    const int32_t *members;    /* jobs x 2, second -1 for a single visit */
    const double *gap_low, *gap_high;
    const int32_t *rank;       /* the order in which jobs claim a place */
    /* per carer */
    const double *shift_start, *shift_end, *work_limit, *fair; /* fair NULL: evenness is free */
    const double *fetch, *bring;   /* minutes to a vehicle and from it; shift_start has the first in it */
    const double *over_room, *more_ratio, *over_ratio; /* price of minutes beyond the shift */
    const int32_t *shift_open, *shift_close, *mode;
    const int32_t *break_at;       /* breaks of carer c: break_at[c] .. break_at[c + 1]; NULL: nobody has one */
    const double *break_open, *break_close, *break_lasts;
    const double *legs;        /* modes x places x places */
    /* weights */
    double uneven_ratio, tolerance_ratio, tolerance_min, idle_min, idle_free_min, slack_ratio, told_min;
} Problem;

typedef struct {
    double start, leg, late, gap; /* gap: price of the wait before it, of the slack it lacks and of a start that was told otherwise */
    int32_t at, taken;            /* taken: breaks before it */
} Times;

typedef struct {
    int32_t visit;
    Times before;
} VisitUndo;

typedef struct {
    int32_t carer;
    double back, over, load;
} CarerUndo;

/* kind 0: job was placed; 1: job was taken out; 2: the ends behind two points were exchanged. */
typedef struct {
    int32_t kind, job, carer[2], before[2];
    double key;
} Change;

typedef struct {
    double distance, tardiness, worst, overrun, extra, uneven, idle;
} Totals;

typedef struct {
    const Problem *p;
    double *key;                         /* per job */
    int32_t *carer, *prev, *next;        /* per visit, -1: nobody */
    int32_t *head, *tail;                /* per carer, -1: empty */
    Times *t;                            /* per visit */
    double *back, *over, *load;          /* per carer; back: with the ways to and from a vehicle */
    Totals sum, kept;
    VisitUndo *visit_log;
    CarerUndo *carer_log;
    Change *changes;
    int32_t *dirty, *queue, *ends;       /* jobs, jobs by key (last first), carers */
    int32_t visit_logs, carer_logs, change_count, dirty_count, queued, end_count;
    uint32_t *visit_seen, *queue_seen, *carer_seen, *end_seen, stamp, settle_stamp;
    int screens, alike;                  /* some visits have no place; all carers travel and work alike */
    uint64_t random;
    /* search */
    double cost, best_cost;
    double *best_key;
    int32_t *best_carer;
    int32_t *removed, *scratch;
    double *spare;
    int64_t tried;
} Engine;

static inline uint64_t random_bits(Engine *e) {
    /* xorshift64*: S. Vigna, ACM TOMS 42(4), 2016 */
    e->random ^= e->random >> 12;
    e->random ^= e->random << 25;
    e->random ^= e->random >> 27;
    return e->random * 2685821657736338717ULL;
}

static inline double random_unit(Engine *e) { return (double)(random_bits(e) >> 11) * 0x1p-53; }

static inline int32_t random_below(Engine *e, int32_t n) {
    return (int32_t)(((random_bits(e) >> 32) * (uint64_t)(uint32_t)n) >> 32);
}

static inline double larger(double a, double b) { return a > b ? a : b; }
static inline double smaller(double a, double b) { return a < b ? a : b; }

static inline int32_t first_of(const Engine *e, int32_t job) { return e->p->members[2 * job]; }
static inline int32_t second_of(const Engine *e, int32_t job) { return e->p->members[2 * job + 1]; }
static inline int placed(const Engine *e, int32_t job) { return e->carer[first_of(e, job)] >= 0; }
static inline int may(const Engine *e, int32_t v, int32_t c) { return e->p->can[(size_t)v * e->p->carers + c]; }

static inline int earlier(const Engine *e, int32_t a, int32_t b) {
    return e->key[a] < e->key[b] || (e->key[a] == e->key[b] && a < b);
}

static inline double leg(const Problem *p, int32_t c, int32_t here, int32_t there) {
    return p->legs[((size_t)p->mode[c] * p->places + here) * p->places + there];
}

#endif
