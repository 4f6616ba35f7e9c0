/* Small random changes of a plan. Each returns 0 if there was nothing to try; then nothing was changed. */
#ifndef MOVES_H
#define MOVES_H

#include "insertion.h"

/* A random able carer for visit v other than `not_this`, or -1. */
static int32_t any_carer(Engine *e, int32_t v, int32_t not_this) {
    const Problem *p = e->p;
    int32_t from = p->able_at[v], count = p->able_at[v + 1] - from;
    if (count == 0) return -1;
    int32_t c = p->able[from + random_below(e, count)];
    return c == not_this ? -1 : c;
}

/* A near neighbour, the nearest most often. */
static int32_t any_near(Engine *e, int32_t v) {
    const Problem *p = e->p;
    int32_t from = p->near_at[v], count = p->near_at[v + 1] - from;
    if (count == 0) return -1;
    double u = random_unit(e);
    return p->near[from + (int32_t)(u * sqrt(u) * count)];
}

/* Carers of a job if its visit number `half` goes to c; the other keeps its carer where it can. */
static int carers_with(Engine *e, int32_t job, int half, int32_t c, int32_t carers[2]) {
    int32_t w = e->p->members[2 * job + 1 - half];
    carers[half] = c;
    carers[1 - half] = -1;
    if (w < 0) return 1;
    int32_t partner = e->carer[w];
    if (partner < 0 || partner == c || random_unit(e) < 0.2) partner = any_carer(e, w, c);
    carers[1 - half] = partner;
    return partner >= 0;
}

static int half_of(Engine *e, int32_t job) { return second_of(e, job) < 0 ? 0 : (int)(random_bits(e) >> 63); }

/* A key between two that suits a minute of the day, or anywhere between them. */
static double any_key(Engine *e, double low, double high, double minute) {
    if (isinf(low) || isinf(high)) return key_between(low, high, minute);
    if (random_unit(e) < 0.7 && low < minute && minute < high) return minute;
    double key = low + (high - low) * random_unit(e);
    return low < key && key < high ? key : NAN;
}

static int put(Engine *e, int32_t job, double key, const int32_t carers[2]) {
    if (isnan(key)) return 0;
    if (placed(e, job)) unplace(e, job);
    place(e, job, key, carers[0], carers[1]);
    return 1;
}

/* Next to a near neighbour, behind it or before it. */
static int relocate_near(Engine *e, int32_t job) {
    const Problem *p = e->p;
    int half = half_of(e, job);
    int32_t v = p->members[2 * job + half], b = any_near(e, v), carers[2];
    if (b < 0 || e->carer[b] < 0) return 0;
    int32_t c = e->carer[b], other = p->job_of[b];
    if (!may(e, v, c) || !carers_with(e, job, half, c, carers)) return 0;
    double low, high, minute;
    if (random_bits(e) >> 63) {
        int32_t after = e->next[b];
        if (after == v) after = e->next[after];
        low = e->key[other];
        high = after >= 0 ? e->key[p->job_of[after]] : INFINITY;
        minute = larger(p->open[v], e->t[b].start + p->duration[b]);
    } else {
        int32_t before = e->prev[b];
        if (before == v) before = e->prev[before];
        low = before >= 0 ? e->key[p->job_of[before]] : -INFINITY;
        high = e->key[other];
        minute = larger(p->open[v], e->t[b].start - p->duration[v]);
    }
    return put(e, job, any_key(e, low, high, minute), carers);
}

/* To any able carer at a time that suits the window: the only way to a carer without visits. */
static int relocate_anywhere(Engine *e, int32_t job) {
    const Problem *p = e->p;
    int half = half_of(e, job);
    int32_t v = p->members[2 * job + half], c = any_carer(e, v, -1), carers[2];
    if (c < 0 || !carers_with(e, job, half, c, carers)) return 0;
    double wide = p->close[v] - p->open[v] + 60.0;
    return put(e, job, p->open[v] - 30.0 + wide * random_unit(e), carers);
}

/* Another carer at the same place of the order, or the two of a double visit the other way round. */
static int change_carer(Engine *e, int32_t job) {
    int32_t v = first_of(e, job), w = second_of(e, job), carers[2];
    if (w >= 0 && random_unit(e) < 0.3) {
        carers[0] = e->carer[w];
        carers[1] = e->carer[v];
        if (!may(e, v, carers[0]) || !may(e, w, carers[1])) return 0;
    } else {
        int half = half_of(e, job);
        int32_t x = half ? w : v, c = any_carer(e, x, e->carer[x]);
        if (c < 0 || !carers_with(e, job, half, c, carers)) return 0;
    }
    return put(e, job, e->key[job], carers);
}

/* Two jobs exchange their places: carers of one visit each, and the places in the order. */
static int swap(Engine *e, int32_t job) {
    const Problem *p = e->p;
    int half = half_of(e, job);
    int32_t v = p->members[2 * job + half], w = any_near(e, v);
    if (w < 0) return 0;
    int32_t other = p->job_of[w];
    if (other == job || e->carer[w] < 0) return 0;
    int32_t mine = e->carer[v], theirs = e->carer[w];
    int other_half = first_of(e, other) == w ? 0 : 1;
    int32_t a[2] = {e->carer[first_of(e, job)], second_of(e, job) >= 0 ? e->carer[second_of(e, job)] : -1};
    int32_t b[2] = {e->carer[first_of(e, other)], second_of(e, other) >= 0 ? e->carer[second_of(e, other)] : -1};
    if (mine != theirs) {
        if (!may(e, v, theirs) || !may(e, w, mine)) return 0;
        a[half] = theirs;
        b[other_half] = mine;
        if (a[0] == a[1] || b[0] == b[1]) return 0;
    }
    double key = e->key[job], other_key = e->key[other];
    int both_double = second_of(e, job) >= 0 || second_of(e, other) >= 0;
    if (both_double && mine != theirs && (random_bits(e) >> 63)) {
        double kept = key;
        key = other_key;
        other_key = kept;
    }
    unplace(e, job);
    unplace(e, other);
    place(e, job, other_key, a[0], a[1]);
    place(e, other, key, b[0], b[1]);
    return 1;
}

/* Two single visits that follow each other go next to a near neighbour of the first, together. */
static int relocate_two(Engine *e, int32_t job) {
    const Problem *p = e->p;
    int32_t v = first_of(e, job), w = e->next[v];
    if (second_of(e, job) >= 0 || w < 0 || second_of(e, p->job_of[w]) >= 0) return 0;
    int ahead = (int)(random_bits(e) >> 63);
    int32_t b = any_near(e, ahead ? w : v), c = b >= 0 ? e->carer[b] : -1;
    if (c < 0 || b == w || b == v || !may(e, v, c) || !may(e, w, c)) return 0;
    double low, high;
    if (!ahead) {
        int32_t after = e->next[b] == v ? e->next[w] : e->next[b];
        low = e->key[p->job_of[b]];
        high = after >= 0 ? e->key[p->job_of[after]] : low + 240.0;
    } else {
        int32_t before = e->prev[b] == w ? e->prev[v] : e->prev[b];
        high = e->key[p->job_of[b]];
        low = before >= 0 ? e->key[p->job_of[before]] : high - 240.0;
    }
    double one = low + (high - low) / 3, two = low + (high - low) * (2.0 / 3);
    if (!(low < one && one < two && two < high)) return 0;
    int32_t other = p->job_of[w];
    unplace(e, job);
    unplace(e, other);
    place(e, job, one, c, -1);
    place(e, other, two, c, -1);
    return 1;
}

static int32_t last_before(const Engine *e, int32_t c, double key) {
    int32_t last = e->tail[c];
    while (last >= 0 && e->key[e->p->job_of[last]] >= key) last = e->prev[last];
    return last;
}

/* Whether every visit behind `last` on its route may be done by `c`, its double visits staying with two. */
static int end_may_go(const Engine *e, int32_t from, int32_t to, int32_t last) {
    for (int32_t v = last >= 0 ? e->next[last] : e->head[from]; v >= 0; v = e->next[v])
        if (!may(e, v, to)) return 0;
    return 1;
}

static void mark_tail(Engine *e, int32_t c, int32_t last) {
    int32_t v = last >= 0 ? e->next[last] : e->head[c];
    mark_end(e, c);
    for (; v >= 0; v = e->next[v]) {
        mark(e, v);
        if (e->alike) return;
    }
}

static void move_prices(Engine *e, int32_t from, int32_t to, int32_t last) {
    const Problem *p = e->p;
    if (!p->irregular && !p->fair) return;
    for (int32_t v = last >= 0 ? e->next[last] : e->head[from]; v >= 0; v = e->next[v]) {
        e->sum.extra += price_with(e, v, to) - price_with(e, v, from);
        add_load(e, from, -p->work[v]);
        add_load(e, to, p->work[v]);
    }
}

/* Two routes exchange everything from a point of the order on. A double visit of the two, half of it on each
   side of the point, stays with two carers because both halves lie at one place of the order. */
static int exchange_ends(Engine *e, int32_t job) {
    const Problem *p = e->p;
    int32_t v = p->members[2 * job + half_of(e, job)], w = any_near(e, v);
    if (w < 0) return 0;
    int32_t a = e->carer[v], b = e->carer[w];
    if (a < 0 || b < 0 || a == b) return 0;
    int32_t last_a = v, last_b = last_before(e, b, e->key[job] + 1e-9);
    if (random_bits(e) >> 63) {
        last_a = e->prev[v];
        last_b = last_before(e, b, e->key[job]);
    }
    int32_t next_b = last_b >= 0 ? e->next[last_b] : e->head[b], next_a = last_a >= 0 ? e->next[last_a] : e->head[a];
    if (next_a < 0 && next_b < 0) return 0;
    /* both cut points must lie between the same two keys, or a shared double visit would be torn */
    if (next_b >= 0 && last_a >= 0 && !earlier(e, p->job_of[last_a], p->job_of[next_b])) return 0;
    if (next_a >= 0 && last_b >= 0 && !earlier(e, p->job_of[last_b], p->job_of[next_a])) return 0;
    if (!end_may_go(e, a, b, last_a) || !end_may_go(e, b, a, last_b)) return 0;
    move_prices(e, a, b, last_a);
    move_prices(e, b, a, last_b);
    cross(e, a, last_a, b, last_b);
    e->changes[e->change_count++] = (Change){.kind = 2, .carer = {a, b}, .before = {last_a, last_b}};
    mark_tail(e, a, last_a);
    mark_tail(e, b, last_b);
    return 1;
}

static int propose(Engine *e) {
    int32_t job = random_below(e, e->p->jobs);
    double kind = random_unit(e);
    if (!placed(e, job)) return kind < 0.5 ? relocate_near(e, job) : relocate_anywhere(e, job);
    if (kind < 0.50) return relocate_near(e, job);
    if (kind < 0.58) return relocate_anywhere(e, job);
    if (kind < 0.68) return change_carer(e, job);
    if (kind < 0.84) return swap(e, job);
    if (kind < 0.90) return relocate_two(e, job);
    return exchange_ends(e, job);
}

#endif
