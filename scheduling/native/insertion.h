/* Where one job costs least, and taking related jobs out to put them back elsewhere.

   Places are ranked by an estimate along one route: exact for that route, without what a delay does to the
   partners of double visits. Taking strings of neighbouring routes out and putting the jobs back greedily, now
   and then blind to a place: J. Christiaens, G. Vanden Berghe, Transportation Science 54(2), 2020. */
#ifndef INSERTION_H
#define INSERTION_H

#include "timing.h"

#define REACH 90.0     /* neighbours in a route further outside the window than this are not looked at */
#define PROPOSALS 6    /* places of the scarcer half of a double visit for which a partner is sought */
#define NONE 1e300

typedef struct {
    double price, start, low, high;
    int32_t carer, before;
} Spot;

typedef struct {
    double aversion; /* lateness is dearer by that many times its price: the plan is still being filled */
    double share;    /* of the fair load that counts while a plan is being filled */
    double blind;    /* chance to overlook a place */
} Filling;

static double rise(const Engine *e, int32_t v, int32_t c, double share) {
    const Problem *p = e->p;
    if (!p->fair) return 0.0;
    double fair = p->fair[c] * share;
    return uneven_price(p, e->load[c] + p->work[v], fair) - uneven_price(p, e->load[c], fair);
}

/* Estimated rise of the cost with visit v behind `before` (-1: first) on c's route, or NONE if a limit breaks
   or it cannot be cheaper than `bound`. */
static double route_price(const Engine *e, int32_t v, int32_t c, int32_t before, double release, double aversion,
                          double bound, double *begins_at) {
    const Problem *p = e->p;
    double leaves = before >= 0 ? e->t[before].start + p->duration[before] : p->shift_start[c];
    int32_t here = before >= 0 ? e->t[before].at : p->shift_open[c], there = p->location[v];
    int32_t taken = before >= 0 ? e->t[before].taken : 0;
    double travel = there >= 0 && here >= 0 ? leg(p, c, here, there) : 0.0;
    if (p->break_at && !depart(p, c, v, travel, release, &leaves, &taken)) return NONE;
    double begins = larger(leaves + travel, release);
    *begins_at = begins;
    leaves = begins + p->duration[v];
    if (leaves > p->work_limit[c] || begins > p->due[v] + LIMIT_TOLERANCE) return NONE;
    if (there >= 0) here = there;
    double late = larger(0.0, begins - p->close[v]), worst = late, travelled = travel;
    double fixed = price_with(e, v, c);
    int delayed = 1;
    for (int32_t w = before >= 0 ? e->next[before] : e->head[c]; w >= 0; w = e->next[w]) {
        const Times *t = &e->t[w];
        there = p->location[w];
        double way = there >= 0 && here >= 0 ? leg(p, c, here, there) : 0.0;
        if (p->break_at && !depart(p, c, w, way, p->open[w], &leaves, &taken)) return NONE;
        travelled += way - t->leg;
        begins = larger(leaves + way, p->open[w]);
        if (begins <= t->start || p->begun[w]) {
            delayed = 0;
            if (there >= 0 && taken == t->taken) break;
            begins = t->start;
        }
        leaves = begins + p->duration[w];
        if (leaves > p->work_limit[c] || begins > p->due[w] + LIMIT_TOLERANCE) return NONE;
        double now_late = larger(0.0, begins - p->close[w]);
        late += now_late - t->late;
        worst = larger(worst, now_late);
        if (there >= 0) here = there;
        delayed = 1;
        if ((travelled + late) / 3 + fixed > bound && e->t[w].gap == 0.0 && !e->screens) return NONE;
    }
    double overrun = 0.0;
    if (delayed) {
        int32_t end = p->shift_close[c];
        double back = here >= 0 && end >= 0 ? leg(p, c, here, end) : 0.0;
        if (back >= UNREACHABLE) return NONE;
        back += p->bring[c];
        travelled += back + p->fetch[c] - e->back[c];
        double over = larger(0.0, leaves + back - p->shift_end[c]);
        overrun = over_price(p, c, over) - over_price(p, c, e->over[c]);
    }
    double rises = (travelled + late * (1.0 + aversion) + larger(0.0, worst - e->sum.worst)) / 3;
    return rises + overrun + fixed;
}

static void keys_around(const Engine *e, int32_t c, int32_t before, double *low, double *high) {
    int32_t after = before >= 0 ? e->next[before] : e->head[c];
    *low = before >= 0 ? e->key[e->p->job_of[before]] : -INFINITY;
    *high = after >= 0 ? e->key[e->p->job_of[after]] : INFINITY;
}

/* Key strictly between two, as near to a minute of the day as it can be; NAN if there is none. */
static double key_between(double low, double high, double minute) {
    if (low < minute && minute < high) return minute;
    double key;
    if (isinf(low)) key = high - 1.0;
    else if (isinf(high)) key = low + 1e-3;
    else key = minute <= low ? low + (high - low) * 0.125 : high - (high - low) * 0.125;
    return low < key && key < high ? key : NAN;
}

/* Cheapest place of a visit with one carer, inside an interval of the order. */
static void best_on_route(Engine *e, int32_t v, int32_t c, double low, double high, double release,
                          const Filling *f, Spot *best) {
    const Problem *p = e->p;
    double uneven = rise(e, v, c, f->share);
    double late_end = larger(p->close[v], release) + REACH;
    for (int32_t before = -1, after = e->head[c];; before = after, after = e->next[after]) {
        if (before >= 0 && e->key[p->job_of[before]] >= high) break;
        if (before >= 0 && e->t[before].start > late_end) break;
        int near_enough = after < 0 || e->t[after].start >= release - REACH;
        if (near_enough && (after < 0 || e->key[p->job_of[after]] > low) &&
            !(f->blind > 0.0 && random_unit(e) < f->blind)) {
            double begins, price = route_price(e, v, c, before, release, f->aversion, best->price - uneven, &begins);
            price += uneven;
            if (price < best->price) {
                Spot spot = {price, begins, 0, 0, c, before};
                keys_around(e, c, before, &spot.low, &spot.high);
                spot.low = larger(spot.low, low);
                spot.high = smaller(spot.high, high);
                if (spot.low < spot.high) *best = spot;
            }
        }
        if (after < 0) break;
    }
}

static int insert_single(Engine *e, int32_t job, const Filling *f) {
    const Problem *p = e->p;
    int32_t v = first_of(e, job);
    Spot best = {.price = NONE};
    for (int32_t i = p->able_at[v]; i < p->able_at[v + 1]; i++)
        best_on_route(e, v, p->able[i], -INFINITY, INFINITY, p->open[v], f, &best);
    if (best.price >= NONE) return 0;
    double key = key_between(best.low, best.high, best.start);
    if (isnan(key)) return 0;
    place(e, job, key, best.carer, -1);
    return 1;
}

static int insert_pair(Engine *e, int32_t job, const Filling *f) {
    const Problem *p = e->p;
    int32_t visit[2] = {first_of(e, job), second_of(e, job)};
    int32_t able[2] = {p->able_at[visit[0] + 1] - p->able_at[visit[0]], p->able_at[visit[1] + 1] - p->able_at[visit[1]]};
    int scarce = able[0] <= able[1] ? 0 : 1;
    int32_t v = visit[scarce], w = visit[1 - scarce];
    Spot proposals[PROPOSALS];
    int count = 0;
    for (int32_t i = p->able_at[v]; i < p->able_at[v + 1]; i++) {
        Spot spot = {.price = NONE};
        best_on_route(e, v, p->able[i], -INFINITY, INFINITY, p->open[v], f, &spot);
        if (spot.price >= NONE || (count == PROPOSALS && spot.price >= proposals[count - 1].price)) continue;
        int at = count < PROPOSALS ? count++ : count - 1;
        while (at > 0 && proposals[at - 1].price > spot.price) {
            proposals[at] = proposals[at - 1];
            at--;
        }
        proposals[at] = spot;
    }
    double total = NONE;
    Spot one = {0}, two = {0};
    for (int k = 0; k < count; k++) {
        const Spot *spot = &proposals[k];
        double release = p->open[w];
        release = larger(release, scarce == 0 ? spot->start + p->gap_low[job] : spot->start - p->gap_high[job]);
        Spot partner = {.price = total - spot->price};
        double bound = partner.price;
        for (int32_t i = p->able_at[w]; i < p->able_at[w + 1]; i++)
            if (p->able[i] != spot->carer)
                best_on_route(e, w, p->able[i], spot->low, spot->high, release, f, &partner);
        if (partner.price < bound) {
            total = spot->price + partner.price;
            one = *spot;
            two = partner;
        }
    }
    if (total >= NONE) return 0;
    double key = key_between(larger(one.low, two.low), smaller(one.high, two.high), one.start);
    if (isnan(key)) return 0;
    if (scarce == 0) place(e, job, key, one.carer, two.carer);
    else place(e, job, key, two.carer, one.carer);
    return 1;
}

static int insert_job(Engine *e, int32_t job, const Filling *f) {
    int found = second_of(e, job) < 0 ? insert_single(e, job, f) : insert_pair(e, job, f);
    return found && settle(e, NONE);
}

static inline void take_out(Engine *e, int32_t job, int32_t *count) {
    if (!placed(e, job)) return;
    unplace(e, job);
    e->removed[(*count)++] = job;
}

/* Take strings of visits around a random one out of a few routes. Returns how many jobs were taken. */
static int32_t ruin(Engine *e, int32_t most) {
    const Problem *p = e->p;
    int32_t seed = random_below(e, p->visits), count = 0;
    int32_t routes = 1 + random_below(e, 4), length = 1 + random_below(e, most);
    take_out(e, p->job_of[seed], &count);
    for (int32_t i = p->near_at[seed]; i < p->near_at[seed + 1] && routes > 0; i++) {
        int32_t w = p->near[i], c = e->carer[w];
        if (c < 0 || random_unit(e) < 0.25) continue;
        routes--;
        int32_t back = random_below(e, length), left = length;
        while (back-- > 0 && e->prev[w] >= 0) w = e->prev[w];
        while (w >= 0 && left-- > 0) {
            int32_t after = e->next[w];
            /* the partner of a double visit may be on this very route */
            take_out(e, p->job_of[w], &count);
            w = after >= 0 && e->carer[after] == c ? after : -1;
        }
    }
    return count;
}

static void sort_removed(Engine *e, int32_t count) {
    const Problem *p = e->p;
    int kind = random_below(e, 4);
    for (int32_t i = 0; i < count; i++) {
        int32_t job = e->removed[i], v = first_of(e, job);
        double able = p->able_at[v + 1] - p->able_at[v];
        e->spare[i] = kind == 0 ? random_unit(e) : kind == 1 ? p->open[v] : kind == 2 ? p->close[v] : able;
        if (second_of(e, job) >= 0 && kind != 0) e->spare[i] -= kind == 3 ? 1000.0 : 60.0 * random_unit(e);
    }
    for (int32_t i = 1; i < count; i++) {
        int32_t job = e->removed[i], k = i;
        double by = e->spare[i];
        for (; k > 0 && e->spare[k - 1] > by; k--) {
            e->spare[k] = e->spare[k - 1];
            e->removed[k] = e->removed[k - 1];
        }
        e->spare[k] = by;
        e->removed[k] = job;
    }
}

/* One ruin and recreate inside the running transaction; 0: a job found no place it must have. */
static int ruin_and_recreate(Engine *e, int32_t most, double limit) {
    const Filling filling = {0.0, 1.0, 0.02};
    int32_t count = ruin(e, most);
    if (!count || !settle(e, NONE)) return 0;
    sort_removed(e, count);
    for (int32_t i = 0; i < count; i++) {
        int32_t job = e->removed[i];
        if (!insert_job(e, job, &filling)) return 0;
    }
    return cost_of(e) <= limit;
}

/* Insert jobs in the order of claims, `count` of them from number `from` on. Jobs nobody can do stay out. */
static void fill(Engine *e, int32_t from, int32_t count) {
    const Problem *p = e->p;
    double whole = 1e-9, done = 0.0;
    for (int32_t v = 0; v < p->visits; v++) whole += p->work[v];
    for (int32_t i = 0; i < p->jobs && i < from + count; i++) {
        int32_t job = p->rank[i];
        for (int half = 0; half < 2; half++)
            if (p->members[2 * job + half] >= 0) done += p->work[p->members[2 * job + half]];
        if (i < from || placed(e, job)) continue;
        Filling filling = {2.0, smaller(1.0, done / whole), 0.0};
        if (insert_job(e, job, &filling)) commit(e); else rollback(e);
    }
}

#endif
