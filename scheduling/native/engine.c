/* Annealing over one plan (S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, Science 220, 1983) and the functions
   Python calls. One Engine belongs to one thread; many may run at once over one Problem. */
#include "moves.h"

#ifdef _WIN32
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC __attribute__((visibility("default")))
#endif

#define VERSION 3
#ifndef ENGINE_SOURCE
#define ENGINE_SOURCE ""
#endif
#define COOL_EVERY 64
#define RENUMBER_EVERY 16384

static void *zeroed(size_t count, size_t size) { return calloc(count ? count : 1, size); }

static void recount(Engine *e) {
    const Problem *p = e->p;
    Totals sum = {0};
    for (int32_t v = 0; v < p->visits; v++) {
        const Times *t = &e->t[v];
        if (e->carer[v] < 0) {
            sum.extra += p->price[v];
            continue;
        }
        sum.distance += t->leg;
        sum.tardiness += t->late;
        sum.worst = larger(sum.worst, t->late);
        sum.idle += t->gap;
        sum.extra += price_with(e, v, e->carer[v]);
    }
    for (int32_t c = 0; c < p->carers; c++) {
        sum.distance += e->back[c];
        sum.overrun += over_price(p, c, e->over[c]);
        if (!p->fair) continue;
        double load = 0.0;
        for (int32_t v = e->head[c]; v >= 0; v = e->next[v]) load += p->work[v];
        e->load[c] = load;
        sum.uneven += uneven_price(p, load, p->fair[c]);
    }
    e->sum = e->kept = sum;
}

/* New keys in an order that keeps every route and otherwise follows the clock (Kahn 1962): a key is then about
   the minute its job begins, and a place found by a minute suits both routes of a double visit. */
static void renumber(Engine *e) {
    const Problem *p = e->p;
    int32_t *waits = e->scratch, *heap = e->scratch + p->jobs, size = 0;
    double *at = e->spare;
    for (int32_t job = 0; job < p->jobs; job++) {
        waits[job] = 0;
        if (!placed(e, job)) continue;
        for (int half = 0; half < 2; half++) {
            int32_t v = p->members[2 * job + half];
            if (v >= 0 && e->prev[v] >= 0) waits[job]++;
        }
        at[job] = e->t[first_of(e, job)].start;
    }
#define SOONER(a, b) (at[a] < at[b] || (at[a] == at[b] && (a) < (b)))
#define PUSH(job)                                                          \
    do {                                                                   \
        int32_t i_ = size++;                                               \
        for (; i_ > 0 && SOONER(job, heap[(i_ - 1) / 2]); i_ = (i_ - 1) / 2) heap[i_] = heap[(i_ - 1) / 2]; \
        heap[i_] = (job);                                                  \
    } while (0)
    for (int32_t job = 0; job < p->jobs; job++)
        if (placed(e, job) && waits[job] == 0) PUSH(job);
    double key = -INFINITY;
    while (size > 0) {
        int32_t job = heap[0], moved = heap[--size], i = 0;
        for (;;) {
            int32_t child = 2 * i + 1;
            if (child >= size) break;
            if (child + 1 < size && SOONER(heap[child + 1], heap[child])) child++;
            if (!SOONER(heap[child], moved)) break;
            heap[i] = heap[child];
            i = child;
        }
        heap[i] = moved;
        key = larger(key + 1e-3, at[job]);
        e->key[job] = key;
        for (int half = 0; half < 2; half++) {
            int32_t v = p->members[2 * job + half], after = v >= 0 ? e->next[v] : -1;
            if (after >= 0 && --waits[p->job_of[after]] == 0) PUSH(p->job_of[after]);
        }
    }
#undef PUSH
#undef SOONER
    recount(e);
    e->cost = cost_of(e);
}

static void keep_best(Engine *e) {
    e->best_cost = e->cost;
    memcpy(e->best_key, e->key, sizeof(double) * (size_t)e->p->jobs);
    memcpy(e->best_carer, e->carer, sizeof(int32_t) * (size_t)e->p->visits);
}

/* Put a whole plan in: keys of jobs and carers of visits (-1: nobody). 0 if it breaks a limit. */
static int restore(Engine *e, const double *key, const int32_t *carer) {
    const Problem *p = e->p;
    for (int32_t job = 0; job < p->jobs; job++)
        if (placed(e, job)) unplace(e, job);
    settle_ends(e);
    settle_worst(e);
    commit(e);
    for (int32_t job = 0; job < p->jobs; job++) {
        int32_t v = first_of(e, job), w = second_of(e, job);
        if (carer[v] >= 0) place(e, job, key[job], carer[v], w >= 0 ? carer[w] : -1);
    }
    if (!settle(e, NONE)) return 0;
    commit(e);
    renumber(e);
    return 1;
}

PUBLIC int32_t engine_version(void) { return VERSION; }

/* Fingerprint of the sources this library was made of. */
PUBLIC const char *engine_source(void) { return ENGINE_SOURCE; }

PUBLIC void engine_close(Engine *e) {
    if (!e) return;
    void *parts[] = {e->key, e->carer, e->prev, e->next, e->head, e->tail, e->t, e->back, e->over, e->load,
                     e->visit_log, e->carer_log, e->changes, e->dirty, e->queue, e->ends, e->visit_seen,
                     e->queue_seen, e->carer_seen, e->end_seen, e->best_key, e->best_carer, e->removed,
                     e->scratch, e->spare};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) free(parts[i]);
    free(e);
}

/* An engine with an empty plan, or NULL without memory. The problem must outlive it. */
PUBLIC Engine *engine_open(const Problem *p, uint64_t seed) {
    Engine *e = zeroed(1, sizeof(Engine));
    if (!e) return NULL;
    size_t n = (size_t)p->visits, m = (size_t)p->jobs, k = (size_t)p->carers;
    e->p = p;
    e->key = zeroed(m, sizeof(double));
    e->best_key = zeroed(m, sizeof(double));
    e->spare = zeroed(m, sizeof(double));
    e->t = zeroed(n, sizeof(Times));
    e->back = zeroed(k, sizeof(double));
    e->over = zeroed(k, sizeof(double));
    e->load = zeroed(k, sizeof(double));
    e->visit_log = zeroed(n, sizeof(VisitUndo));
    e->carer_log = zeroed(k, sizeof(CarerUndo));
    e->changes = zeroed(2 * m + 16, sizeof(Change));
    int32_t **of_visits[] = {&e->carer, &e->prev, &e->next, &e->best_carer};
    for (size_t i = 0; i < 4; i++) *of_visits[i] = zeroed(n, sizeof(int32_t));
    int32_t **of_jobs[] = {&e->queue, &e->removed};
    for (size_t i = 0; i < 2; i++) *of_jobs[i] = zeroed(m, sizeof(int32_t));
    e->scratch = zeroed(2 * m, sizeof(int32_t));
    int32_t **of_carers[] = {&e->head, &e->tail, &e->ends};
    for (size_t i = 0; i < 3; i++) *of_carers[i] = zeroed(k, sizeof(int32_t));
    e->dirty = zeroed(6 * m + n + 16, sizeof(int32_t));
    e->visit_seen = zeroed(n, sizeof(uint32_t));
    e->queue_seen = zeroed(m, sizeof(uint32_t));
    e->carer_seen = zeroed(k, sizeof(uint32_t));
    e->end_seen = zeroed(k, sizeof(uint32_t));
    if (!e->key || !e->best_key || !e->spare || !e->t || !e->back || !e->over || !e->load || !e->visit_log ||
        !e->carer_log || !e->changes || !e->carer || !e->prev || !e->next || !e->best_carer || !e->queue ||
        !e->removed || !e->scratch || !e->head || !e->tail || !e->ends || !e->dirty || !e->visit_seen ||
        !e->queue_seen || !e->carer_seen || !e->end_seen) {
        engine_close(e);
        return NULL;
    }
    e->stamp = e->settle_stamp = 2;
    e->random = seed * 0x9E3779B97F4A7C15ULL + 0x1234567ULL;
    if (!e->random) e->random = 1;
    for (int i = 0; i < 8; i++) random_bits(e);
    for (size_t v = 0; v < n; v++) {
        e->carer[v] = -1;
        e->t[v].at = NOWHERE;
        if (p->location[v] < 0) e->screens = 1;
    }
    e->alike = 1;
    for (size_t c = 0; c < k; c++) {
        e->head[c] = e->tail[c] = -1;
        if (p->mode[c] != p->mode[0] || p->work_limit[c] != p->work_limit[0] || p->break_at) e->alike = 0;
    }
    renumber(e);
    keep_best(e);
    return e;
}

/* Insert the jobs that nobody does yet among `count` claims from number `from` on. Returns the cost. */
PUBLIC double engine_fill(Engine *e, int32_t from, int32_t count) {
    fill(e, from, count);
    if (from + count >= e->p->jobs || from % 256 == 255) renumber(e);
    e->cost = cost_of(e);
    keep_best(e);
    return e->cost;
}

/* Start from a plan. Returns its cost, or -1 if it breaks a limit (the plan is then empty). */
PUBLIC double engine_load(Engine *e, const double *key, const int32_t *carer) {
    if (!restore(e, key, carer)) {
        rollback(e);
        renumber(e);
        keep_best(e);
        return -1.0;
    }
    keep_best(e);
    return e->cost;
}

/* Try `moves` moves while the temperature falls evenly (in its logarithm) from `hot` to `cold`. `ruins`: the
   chance that a move takes jobs out and puts them back. Returns the cost of the best plan. */
PUBLIC double engine_anneal(Engine *e, int64_t moves, double hot, double cold, double ruins, int32_t most) {
    double temperature = hot;
    for (int64_t i = 0; i < moves; i++) {
        if (i % COOL_EVERY == 0) temperature = hot * pow(cold / hot, (double)i / (double)moves);
        if (++e->tried % RENUMBER_EVERY == 0) renumber(e);
        double limit = e->cost - temperature * log(1.0 - random_unit(e));
        int kept;
        if (ruins > 0.0 && random_unit(e) < ruins) kept = ruin_and_recreate(e, most, limit);
        else kept = propose(e) && settle(e, limit) && cost_of(e) <= limit;
        if (!kept) {
            rollback(e);
            continue;
        }
        commit(e);
        e->cost = cost_of(e);
        if (e->cost < e->best_cost - 1e-9) keep_best(e);
    }
    return e->best_cost;
}

/* Go back to the best plan found. Returns its cost. */
PUBLIC double engine_best(Engine *e) {
    if (!restore(e, e->best_key, e->best_carer)) return -1.0;
    return e->cost;
}

/* The cost of the plan as it stands, kept up to date move by move. */
PUBLIC double engine_cost(const Engine *e) { return e->cost; }

/* Read the plan as it stands: keys of jobs, carers of visits. */
PUBLIC void engine_read(const Engine *e, double *key, int32_t *carer) {
    memcpy(key, e->key, sizeof(double) * (size_t)e->p->jobs);
    memcpy(carer, e->carer, sizeof(int32_t) * (size_t)e->p->visits);
}
