// Who is who: by the file's ids, else each person is the one whose points lie nearest to theirs.

const MEMORY = 30;  // frames that somebody may be out of sight
const REACH = 0.35;  // of a person's size: how far points may lie from where they last were, on average

/** Mean distance of the points that both have, in sizes of the person; infinite where they share none. */
function apart(one, other) {
  let [sum, count] = [0, 0];
  let [low, high, left, right] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < one.length; i += 3) {
    if (one[i + 2] > 0) {
      [left, right] = [Math.min(left, one[i]), Math.max(right, one[i])];
      [low, high] = [Math.min(low, one[i + 1]), Math.max(high, one[i + 1])];
    }
    if (!(one[i + 2] > 0 && other[i + 2] > 0)) continue;
    sum += Math.hypot(one[i] - other[i], one[i + 1] - other[i + 1]);
    count += 1;
  }
  return count ? sum / count / Math.max(Math.hypot(right - left, high - low), 1) : Infinity;
}

/** Rows get ids: of all pairs in a frame the nearest is joined first. */
function follow(rows) {
  const tracks = [];
  const frames = new Map(rows.map(({ frame }) => [frame, []]));
  for (const row of rows) frames.get(row.frame).push(row);
  for (const frame of [...frames.keys()].sort((a, b) => a - b)) {
    const here = frames.get(frame);
    const pairs = [];
    tracks.forEach((track, id) => {
      if (frame - track.frame > MEMORY) return;
      const reach = REACH * Math.sqrt(frame - track.frame);
      for (const row of here) {
        const way = apart(track.points, row.points);
        if (way < reach) pairs.push({ way, id, row });
      }
    });
    const taken = new Set();
    for (const { id, row } of pairs.sort((a, b) => a.way - b.way)) {
      if (taken.has(id) || taken.has(row)) continue;
      taken.add(id).add(row);
      row.who = id;
      tracks[id] = row;
    }
    for (const row of here.filter((each) => !taken.has(each))) row.who = tracks.push(row) - 1;
  }
}

/** People as { rows }, the one of whom most was seen first. */
function peopleOf(rows, fps) {
  const pairs = new Set(rows.map(({ frame, who }) => `${frame} ${who}`));
  if (rows.some(({ who }) => who === null) || pairs.size < rows.length) follow(rows);
  const people = new Map();
  for (const row of rows) {
    if (!people.has(row.who)) people.set(row.who, { rows: [], seen: 0 });
    people.get(row.who).rows.push(row);
    people.get(row.who).seen += row.seen;
  }
  const all = [...people.values()].sort((a, b) => b.seen - a.seen);
  const long = all.filter((person) => person.rows.length >= 0.25 * fps);
  return long.length ? long : all.slice(0, 1);
}
