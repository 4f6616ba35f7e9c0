/* Start times of a plan, kept right move by move, with undo. The rules are those of scheduling/timing.py:

     arrival         end of the stop before, breaks taken in between, the way
     single visit    start = max(window open, arrival)
     double visit    start 2 = max(open, arrival 2, start 1 + smallest gap);
                     start 1 = max(its own earliest, start 2 - largest gap)

   After a move only the jobs behind it are looked at, in the order of their keys, until times stop changing. */
#ifndef TIMING_H
#define TIMING_H

#include "engine.h"

static double uneven_price(const Problem *p, double load, double fair) {
    double outside = fabs(load - fair) - larger(p->tolerance_min, p->tolerance_ratio * fair);
    if (outside <= 0.0) return 0.0;
    return p->uneven_ratio *
           (outside < UNEVEN_KNEE ? outside * outside / (2 * UNEVEN_KNEE) : outside - UNEVEN_KNEE / 2);
}

static double idle_price(const Problem *p, double gap) {
    double beyond = gap - p->idle_free_min;
    if (beyond <= 0.0) return 0.0;
    double share = smaller(1.0, beyond / 60.0);
    return p->idle_min * share * share;
}

static inline double cost_of(const Engine *e) {
    const Totals *s = &e->sum;
    return (s->distance + s->tardiness + s->worst) / 3 + s->overrun + s->extra + s->uneven + s->idle;
}

static inline double over_price(const Problem *p, int32_t c, double over) {
    double beyond = over - p->over_room[c];
    return beyond <= 0.0 ? p->more_ratio[c] * over : p->more_ratio[c] * p->over_room[c] + p->over_ratio[c] * beyond;
}

static inline double slack_price(const Problem *p, int32_t v, double start) {
    return p->slack_ratio * larger(0.0, smaller(start, p->close[v]) - p->tight_from[v]);
}

/* When a carer leaves for visit v, after the breaks she takes before it (scheduling/working_time/breaks.py).
   0 if one of them began too late. */
static int depart(const Problem *p, int32_t c, int32_t v, double way, double release, double *leaves,
                  int32_t *taken) {
    int kept = 1;
    for (int32_t i = p->break_at[c] + *taken; i < p->break_at[c + 1]; i++) {
        double begins = larger(*leaves, p->break_open[i]), lasts = p->break_lasts[i];
        int fits_the_wait = release - way >= begins + lasts;
        if (!fits_the_wait &&
            (p->begun[v] || larger(*leaves + way, release) + p->duration[v] <= p->break_close[i]))
            break;
        if (begins > p->break_close[i] + LIMIT_TOLERANCE && !p->begun[v]) kept = 0;
        *leaves = begins + lasts;
        ++*taken;
    }
    return kept;
}

static inline void log_visit(Engine *e, int32_t v) {
    if (e->visit_seen[v] == e->stamp) return;
    e->visit_seen[v] = e->stamp;
    e->visit_log[e->visit_logs++] = (VisitUndo){v, e->t[v]};
}

static inline void log_carer(Engine *e, int32_t c) {
    if (e->carer_seen[c] == e->stamp) return;
    e->carer_seen[c] = e->stamp;
    e->carer_log[e->carer_logs++] = (CarerUndo){c, e->back[c], e->over[c], e->load[c]};
}

static inline void mark(Engine *e, int32_t v) {
    if (v >= 0) e->dirty[e->dirty_count++] = e->p->job_of[v];
}

static inline void mark_end(Engine *e, int32_t c) {
    if (e->end_seen[c] == e->stamp) return;
    e->end_seen[c] = e->stamp;
    e->ends[e->end_count++] = c;
}

static inline void add_load(Engine *e, int32_t c, double work) {
    const Problem *p = e->p;
    if (!p->fair) return;
    log_carer(e, c);
    e->sum.uneven -= uneven_price(p, e->load[c], p->fair[c]);
    e->load[c] += work;
    e->sum.uneven += uneven_price(p, e->load[c], p->fair[c]);
}

static inline double price_with(const Engine *e, int32_t v, int32_t c) {
    const Problem *p = e->p;
    return p->irregular ? p->irregular[(size_t)v * p->carers + c] : 0.0;
}

static inline void hook(Engine *e, int32_t v, int32_t c, int32_t before) {
    int32_t after = before >= 0 ? e->next[before] : e->head[c];
    e->carer[v] = c;
    e->prev[v] = before;
    e->next[v] = after;
    if (before >= 0) e->next[before] = v; else e->head[c] = v;
    if (after >= 0) e->prev[after] = v; else e->tail[c] = v;
}

static inline void unhook(Engine *e, int32_t v) {
    int32_t c = e->carer[v], before = e->prev[v], after = e->next[v];
    if (before >= 0) e->next[before] = after; else e->head[c] = after;
    if (after >= 0) e->prev[after] = before; else e->tail[c] = before;
    e->carer[v] = -1;
}

/* The last visit of a route that comes before the job in the order. */
static inline int32_t place_before(const Engine *e, int32_t c, int32_t job) {
    int32_t before = e->tail[c];
    while (before >= 0 && earlier(e, job, e->p->job_of[before])) before = e->prev[before];
    return before;
}

static void place(Engine *e, int32_t job, double key, int32_t c1, int32_t c2) {
    Change *change = &e->changes[e->change_count++];
    *change = (Change){.kind = 0, .job = job};
    e->key[job] = key;
    e->dirty[e->dirty_count++] = job;
    for (int half = 0; half < 2; half++) {
        int32_t v = e->p->members[2 * job + half], c = half ? c2 : c1;
        if (v < 0) break;
        hook(e, v, c, place_before(e, c, job));
        mark(e, e->next[v]);
        e->sum.extra += price_with(e, v, c) - e->p->price[v];
        add_load(e, c, e->p->work[v]);
    }
}

static void unplace(Engine *e, int32_t job) {
    Change *change = &e->changes[e->change_count++];
    *change = (Change){.kind = 1, .job = job, .carer = {-1, -1}, .before = {-1, -1}, .key = e->key[job]};
    for (int half = 0; half < 2; half++) {
        int32_t v = e->p->members[2 * job + half];
        if (v < 0) break;
        int32_t c = e->carer[v];
        change->carer[half] = c;
        change->before[half] = e->prev[v];
        if (e->next[v] >= 0) mark(e, e->next[v]); else mark_end(e, c);
        unhook(e, v);
        e->sum.extra += e->p->price[v] - price_with(e, v, c);
        add_load(e, c, -e->p->work[v]);
        log_visit(e, v);
        Times *t = &e->t[v];
        e->sum.idle -= t->gap;
        e->sum.distance -= t->leg;
        e->sum.tardiness -= t->late;
        t->leg = t->late = t->gap = 0.0;
    }
}

/* Join the route ends behind two visits (-1: the whole route) crosswise; carers of the ends change. */
static void cross(Engine *e, int32_t a, int32_t last_a, int32_t b, int32_t last_b) {
    int32_t after_a = last_a >= 0 ? e->next[last_a] : e->head[a];
    int32_t after_b = last_b >= 0 ? e->next[last_b] : e->head[b];
    int32_t tail_a = after_a >= 0 ? e->tail[a] : last_b, tail_b = after_b >= 0 ? e->tail[b] : last_a;
    for (int32_t v = after_a; v >= 0; v = e->next[v]) e->carer[v] = b;
    for (int32_t v = after_b; v >= 0; v = e->next[v]) e->carer[v] = a;
    if (last_a >= 0) e->next[last_a] = after_b; else e->head[a] = after_b;
    if (last_b >= 0) e->next[last_b] = after_a; else e->head[b] = after_a;
    if (after_b >= 0) e->prev[after_b] = last_a;
    if (after_a >= 0) e->prev[after_a] = last_b;
    e->tail[a] = tail_b;
    e->tail[b] = tail_a;
}

static inline void enqueue(Engine *e, int32_t job) {
    if (e->queue_seen[job] == e->settle_stamp) return;
    e->queue_seen[job] = e->settle_stamp;
    int32_t i = e->queued++;
    while (i > 0 && earlier(e, e->queue[i - 1], job)) {
        e->queue[i] = e->queue[i - 1];
        i--;
    }
    e->queue[i] = job;
}

typedef struct {
    double arrival, leg;
    int32_t at, taken, kept;
} Arrival;

static inline Arrival arrive(const Engine *e, int32_t v) {
    const Problem *p = e->p;
    int32_t before = e->prev[v], c = e->carer[v], here, there = p->location[v], taken = 0, kept = 1;
    double leaves;
    if (before >= 0) {
        leaves = e->t[before].start + p->duration[before];
        here = e->t[before].at;
        taken = e->t[before].taken;
    } else {
        leaves = p->shift_start[c];
        here = p->shift_open[c];
    }
    double way = here >= 0 && there >= 0 ? leg(p, c, here, there) : 0.0;
    if (p->break_at) kept = depart(p, c, v, way, p->open[v], &leaves, &taken);
    return (Arrival){leaves + way, way, there >= 0 ? there : here, taken, kept};
}

static inline int set_times(Engine *e, int32_t v, double start, Arrival a) {
    const Problem *p = e->p;
    int32_t c = e->carer[v];
    if (!p->begun[v] &&
        (!a.kept || start > p->due[v] + LIMIT_TOLERANCE || start + p->duration[v] > p->work_limit[c]))
        return 0;
    log_visit(e, v);
    Times *t = &e->t[v];
    double late = larger(0.0, start - p->close[v]);
    double gap = 0.0;
    if (start - a.arrival > p->idle_free_min && e->prev[v] >= 0) gap = idle_price(p, start - a.arrival);
    if (start > p->tight_from[v]) gap += slack_price(p, v, start);
    if (p->told_carer && p->told_carer[v] == c && (start < p->told_from[v] || start > p->told_to[v])) gap += p->told_min;
    e->sum.idle += gap - t->gap;
    t->gap = gap;
    e->sum.distance += a.leg - t->leg;
    e->sum.tardiness += late - t->late;
    int moved = start != t->start || a.at != t->at || a.taken != t->taken;
    t->start = start;
    t->leg = a.leg;
    t->late = late;
    t->at = a.at;
    t->taken = a.taken;
    int32_t after = e->next[v];
    if (after < 0) mark_end(e, c);
    else if (moved) enqueue(e, p->job_of[after]);
    return 1;
}

static inline int retime(Engine *e, int32_t job) {
    const Problem *p = e->p;
    int32_t v = first_of(e, job), w = second_of(e, job);
    Arrival a = arrive(e, v);
    double start = p->open[v];
    if (a.arrival > start && !p->begun[v]) start = a.arrival;
    if (w < 0) return set_times(e, v, start, a);
    Arrival b = arrive(e, w);
    double other = p->open[w];
    if (!p->begun[w]) other = larger(larger(other, b.arrival), start + p->gap_low[job]);
    if (other - start > p->gap_high[job] && !p->begun[v]) start = other - p->gap_high[job];
    return set_times(e, v, start, a) && set_times(e, w, other, b);
}

/* Whether the breaks a carer has not had when her last visit ends could still begin in time: a double visit may
   end later than its own way and window say. */
static inline int breaks_kept(const Engine *e, int32_t c, int32_t last) {
    const Problem *p = e->p;
    if (!p->break_at || p->begun[last]) return 1;
    int32_t i = p->break_at[c] + e->t[last].taken;
    if (i >= p->break_at[c + 1]) return 1;
    return e->t[last].start + p->duration[last] <= p->break_close[i] + LIMIT_TOLERANCE;
}

/* 0 if a way back is not known or a break has become impossible. */
static int settle_ends(Engine *e) {
    const Problem *p = e->p;
    int kept = 1;
    for (int32_t i = 0; i < e->end_count; i++) {
        int32_t c = e->ends[i], last = e->tail[c];
        double back = 0.0, over = 0.0;
        if (last >= 0) {
            int32_t here = e->t[last].at, there = p->shift_close[c];
            if (here >= 0 && there >= 0) back = leg(p, c, here, there);
            if ((back >= UNREACHABLE && !p->begun[last]) || !breaks_kept(e, c, last)) kept = 0;
            back += p->bring[c];
            over = larger(0.0, e->t[last].start + p->duration[last] + back - p->shift_end[c]);
            back += p->fetch[c];
        }
        log_carer(e, c);
        e->sum.distance += back - e->back[c];
        if (over != e->over[c]) e->sum.overrun += over_price(p, c, over) - over_price(p, c, e->over[c]);
        e->back[c] = back;
        e->over[c] = over;
        e->end_seen[c] = e->stamp - 1;
    }
    e->end_count = 0;
    return kept;
}

static double worst_of_all(const Engine *e) {
    double worst = 0.0;
    for (int32_t v = 0; v < e->p->visits; v++) worst = larger(worst, e->t[v].late);
    return worst;
}

static void settle_worst(Engine *e) {
    double worst = e->kept.worst;
    int lowered = 0;
    for (int32_t i = 0; i < e->visit_logs; i++) {
        double before = e->visit_log[i].before.late, now = e->t[e->visit_log[i].visit].late;
        worst = larger(worst, now);
        if (before >= e->kept.worst && now < before) lowered = 1;
    }
    e->sum.worst = lowered ? worst_of_all(e) : worst;
}

static int is_dirty(const Engine *e, int32_t job) {
    for (int32_t i = 0; i < e->dirty_count; i++)
        if (e->dirty[i] == job) return 1;
    return 0;
}

static double new_back(const Engine *e, int32_t c) {
    int32_t last = e->tail[c], there = e->p->shift_close[c];
    if (last < 0) return 0.0;
    return (there >= 0 ? leg(e->p, c, e->p->location[last], there) : 0.0) + e->p->fetch[c] + e->p->bring[c];
}

/* Lower bound of the cost from the new legs alone: no time computed yet, and lateness can at best vanish.
   Needs a problem without screen visits (a leg then depends on the visit before and nothing else) and every
   job at most once in `dirty`. */
static double cheapest_possible(const Engine *e) {
    const Problem *p = e->p;
    double distance = e->sum.distance;
    for (int32_t i = 0; i < e->dirty_count; i++) {
        for (int half = 0; half < 2; half++) {
            int32_t v = p->members[2 * e->dirty[i] + half];
            if (v < 0 || e->carer[v] < 0) break;
            int32_t c = e->carer[v], before = e->prev[v];
            int32_t here = before >= 0 ? p->location[before] : p->shift_open[c];
            distance += (here >= 0 ? leg(p, c, here, p->location[v]) : 0.0) - e->t[v].leg;
            if (e->next[v] < 0) distance += new_back(e, c) - e->back[c];
        }
    }
    for (int32_t i = 0; i < e->end_count; i++) {
        int32_t c = e->ends[i], last = e->tail[c];
        if (last < 0 || !is_dirty(e, p->job_of[last])) distance += new_back(e, c) - e->back[c];
    }
    return distance / 3 + e->sum.extra + e->sum.uneven;
}

/* Bring all times up to date. 0 if a limit would be broken or the cost must exceed `limit`: roll back then. */
static int settle(Engine *e, double limit) {
    if (!e->screens && e->dirty_count <= 6) {
        /* each job once, or its legs would be counted twice */
        for (int32_t i = 0; i < e->dirty_count; i++)
            for (int32_t j = i + 1; j < e->dirty_count; j++)
                if (e->dirty[i] == e->dirty[j]) e->dirty[j--] = e->dirty[--e->dirty_count];
        if (cheapest_possible(e) > limit + 1e-7) return 0;
    }
    e->queued = 0;
    e->settle_stamp++;
    for (int32_t i = 0; i < e->dirty_count; i++)
        if (placed(e, e->dirty[i])) enqueue(e, e->dirty[i]);
    e->dirty_count = 0;
    while (e->queued) {
        int32_t job = e->queue[--e->queued];
        e->queue_seen[job] = e->settle_stamp - 1;
        if (!retime(e, job)) return 0;
    }
    if (!settle_ends(e)) return 0;
    settle_worst(e);
    return 1;
}

static void forget(Engine *e) {
    e->visit_logs = e->carer_logs = e->change_count = e->dirty_count = e->end_count = 0;
    e->stamp++;
}

static void commit(Engine *e) {
    forget(e);
    e->kept = e->sum;
}

static void rollback(Engine *e) {
    for (int32_t i = e->change_count - 1; i >= 0; i--) {
        Change *change = &e->changes[i];
        if (change->kind == 2) {
            cross(e, change->carer[0], change->before[0], change->carer[1], change->before[1]);
            continue;
        }
        if (change->kind == 1) e->key[change->job] = change->key;
        for (int half = 1; half >= 0; half--) {
            int32_t v = e->p->members[2 * change->job + half];
            if (v < 0) continue;
            if (change->kind == 0) unhook(e, v);
            else hook(e, v, change->carer[half], change->before[half]);
        }
    }
    for (int32_t i = 0; i < e->visit_logs; i++) e->t[e->visit_log[i].visit] = e->visit_log[i].before;
    for (int32_t i = 0; i < e->carer_logs; i++) {
        CarerUndo *undo = &e->carer_log[i];
        e->back[undo->carer] = undo->back;
        e->over[undo->carer] = undo->over;
        e->load[undo->carer] = undo->load;
    }
    e->sum = e->kept;
    forget(e);
}

#endif
