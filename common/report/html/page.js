
'use strict';
// The data of a run, shown. What they are is told in html_report.h. Whatever comes from tests
// becomes text here: there is no place that makes HTML of it.
(() => {
  const began = performance.now();
  const run = JSON.parse(document.getElementById('run').textContent);
  const tests = run.tests;

  // A row of `tests`.
  const ID = 0, OUTCOME = 1, WORKER = 2, BEGAN = 3, TOOK = 4, WHY = 5, TAGS = 6, NEW = 7, TEXTS = 8,
        ATTEMPTS = 9;
  const OUTCOMES = [
    'passed', 'failed', 'crashed', 'timed out', 'unexpected success', 'flaky', 'not run', 'skipped',
    'expected failure'
  ];
  const RANK = [8, 0, 1, 2, 3, 4, 5, 6, 7];  // failures first
  const PASSED = 0, FLAKY = 5, NOT_RUN = 6;
  const isFailure = outcome => outcome > PASSED && outcome < FLAKY;
  const nameOf = outcome => OUTCOMES[outcome].replace(/ /g, '-');
  const ROW = 30;            // pixels, as in the style
  const MOST_ROWS = 500000;  // browsers have a limit for the height of a page
  const OPEN_AT_FIRST = 20;  // failures
  const MATRIX_ROWS = 200;   // tests
  const channelOf = new Map(run.workers);

  const byId = id => document.getElementById(id);
  function make(name, className, text) {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // Text of others

  const HARMFUL =
      '\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f' +
      '\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0e\\ufeff\\uffa0\\ufff0-\\ufffb' +
      '\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}';
  const PIECES = new RegExp('\\x1b\\[([0-9;:]*)m|([' + HARMFUL + '])', 'gu');
  const ONE_HARMFUL = new RegExp('[' + HARMFUL + '\\t\\n]', 'gu');

  function escapeOf(character) {
    const code = character.codePointAt(0);
    return code < 256 ? '\\x' + code.toString(16).padStart(2, '0') :
                        '\\u{' + code.toString(16) + '}';
  }
  const inLine = text => text.replace(ONE_HARMFUL, escapeOf);

  // The colours of ECMA-48's SGR, as terminals have them.
  class Style {
    constructor() { this.reset(); }
    reset() {
      this.classes = new Set();
      this.front = this.back = '';
      this.inverse = false;
    }
    get plain() { return this.classes.size === 0 && !this.front && !this.back && !this.inverse; }
    take(parameters) {
      const codes = parameters === '' ? [0] : parameters.split(/[;:]/).map(Number);
      while (codes.length > 0) this.takeOne(codes.shift(), codes);
    }
    takeOne(code, more) {
      const on = {1: 'bold', 2: 'faint', 3: 'italic', 4: 'underlined', 9: 'crossed'};
      if (code === 0)
        this.reset();
      else if (on[code])
        this.classes.add(on[code]);
      else if (code === 7)
        this.inverse = true;
      else if (code === 22)
        ['bold', 'faint'].forEach(name => this.classes.delete(name));
      else if (code === 27)
        this.inverse = false;
      else if (on[code - 20])
        this.classes.delete(on[code - 20]);
      else if (code === 39)
        this.front = '';
      else if (code === 49)
        this.back = '';
      else if (code === 38)
        this.front = colorOf(more);
      else if (code === 48)
        this.back = colorOf(more);
      else if (code >= 30 && code <= 37)
        this.front = `var(--ansi${code - 30})`;
      else if (code >= 40 && code <= 47)
        this.back = `var(--ansi${code - 40})`;
      else if (code >= 90 && code <= 97)
        this.front = `var(--ansi${code - 82})`;
      else if (code >= 100 && code <= 107)
        this.back = `var(--ansi${code - 92})`;
    }
    apply(element) {
      element.className = [...this.classes].join(' ');
      const front = this.front || 'var(--text)', back = this.back || 'var(--raised)';
      if (this.inverse || this.front) element.style.color = this.inverse ? back : front;
      if (this.inverse || this.back) element.style.backgroundColor = this.inverse ? front : back;
    }
  }

  function colorOf(more) {
    const kind = more.shift();
    const byte = () => Math.min(255, more.shift() || 0);
    if (kind === 2) return `rgb(${byte()}, ${byte()}, ${byte()})`;
    if (kind !== 5) return '';
    const number = byte();
    if (number < 16) return `var(--ansi${number})`;
    if (number >= 232) return `rgb(${Array(3).fill(8 + 10 * (number - 232)).join(', ')})`;
    const level = part => part === 0 ? 0 : 55 + 40 * part;
    return `rgb(${[36, 6, 1].map(unit => level(Math.floor((number - 16) / unit) % 6)).join(', ')})`;
  }

  function showText(parent, given) {
    const text = given.replace(/\r\n/g, '\n');
    const style = new Style();
    const add = piece => {
      if (piece === '') return;
      if (style.plain) return parent.append(piece);
      const span = make('span', '', piece);
      style.apply(span);
      parent.append(span);
    };
    let at = 0;
    for (const match of text.matchAll(PIECES)) {
      add(text.slice(at, match.index));
      at = match.index + match[0].length;
      if (match[2] === undefined)
        style.take(match[1]);
      else
        parent.append(make('span', 'escape', escapeOf(match[2])));
    }
    add(text.slice(at));
  }

  // Numbers

  function seconds(milliseconds) {
    if (milliseconds === null) return '';
    if (milliseconds < 1) return milliseconds.toFixed(3) + ' ms';
    if (milliseconds < 999.5)
      return milliseconds.toPrecision(3).replace(/\.?0+$/, found => found[0] === '.' ? '' : found) +
          ' ms';
    if (milliseconds < 60000)
      return (milliseconds / 1000).toFixed(milliseconds < 10000 ? 2 : 1) + ' s';
    const whole = Math.round(milliseconds / 1000);
    return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }
  const counted = (count, what) => `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
  const workerName = worker => worker === null ? '' : `worker-${worker}`;

  // The head

  const counts = OUTCOMES.map(() => 0);
  for (const test of tests) ++counts[test[OUTCOME]];
  const verdict = !run.completed ? 'not completed' : run.failed ? 'failed' : 'passed';

  function showHead() {
    document.title = `${verdict}: ${inLine(run.name)}`;
    const title = byId('title');
    title.textContent = inLine(run.name) + ': ';
    title.append(make('span', verdict === 'passed' ? 'passed' : 'failed', verdict));
    const total = tests.length + run.left_out;
    const parts = [counted(total, 'test')];
    counts.forEach((count, outcome) => {
      if (count > 0) parts.push(`${count.toLocaleString('en')} ${OUTCOMES[outcome]}`);
    });
    parts.push(`in ${seconds(run.took)}`);
    if (run.workers.length > 1) parts.push(`on ${counted(run.workers.length, 'server')}`);
    parts.push(`begun ${new Date(run.start).toLocaleString()}`);
    byId('summary').textContent = parts.join(' · ');
    const problem = byId('problem');
    problem.hidden = run.completed && run.problem === '';
    problem.textContent = run.problem === '' ? 'The run was not completed.' : inLine(run.problem);
  }

  // Which tests are shown

  const search = byId('search'), sort = byId('sort'), server = byId('server'), tag = byId('tag');
  const onlySlow = byId('slow'), onlyNew = byId('new');
  const chosen = new Set();  // outcomes; none: all
  let lower = null;          // what is searched, by row, once something is
  let slowLimit = null;
  let view = [];            // rows, in the order shown
  let placeOf = new Map();  // in the view, of the open rows only
  const open = new Map();   // row: height of its body in pixels

  function slowFrom() {
    if (slowLimit === null) {
      const times = tests.map(test => test[TOOK] || 0).sort((a, b) => b - a);
      slowLimit = times.length === 0 ?
          0 :
          times[Math.min(times.length, Math.max(10, Math.ceil(times.length / 100))) - 1];
    }
    return slowLimit;
  }

  function selected() {
    const words = search.value.toLowerCase().split(/\s+/).filter(word => word !== '');
    if (words.length > 0 && !lower)
      lower = tests.map(
          test => (test[WHY] === 0 ? test[ID] : test[ID] + '\n' + test[WHY]).toLowerCase());
    const worker = server.value === '' ? null : Number(server.value);
    const tagPlace = tag.value === '' ? null : Number(tag.value);
    const rows = [];
    for (let row = 0; row < tests.length; ++row) {
      const test = tests[row];
      if (chosen.size > 0 && !chosen.has(test[OUTCOME])) continue;
      if (worker !== null && test[WORKER] !== worker) continue;
      if (tagPlace !== null && (test[TAGS] === 0 || !test[TAGS].includes(tagPlace))) continue;
      if (onlySlow.checked && !(test[TOOK] >= slowFrom())) continue;
      if (onlyNew.checked && !test[NEW]) continue;
      if (words.some(word => !lower[row].includes(word))) continue;
      rows.push(row);
    }
    return rows;
  }

  const ORDERS = {
    outcome: (a, b) => RANK[tests[a][OUTCOME]] - RANK[tests[b][OUTCOME]] || a - b,
    took: (a, b) => (tests[b][TOOK] || 0) - (tests[a][TOOK] || 0) || a - b,
    began: (a, b) => (tests[a][BEGAN] ?? Infinity) - (tests[b][BEGAN] ?? Infinity) || a - b,
    id: (a, b) => tests[a][ID] < tests[b][ID] ? -1 :
        tests[a][ID] > tests[b][ID]           ? 1 :
                                                a - b,
  };

  /// `row`: to be the current one, if it is there.
  function choose(row = null) {
    const before = row ?? view[current] ?? null;
    view = selected().sort(ORDERS[sort.value]);
    const found = view.length;
    if (view.length > MOST_ROWS) view.length = MOST_ROWS;
    byId('count').textContent = found === tests.length ?
        counted(found, 'test') :
        `${found.toLocaleString('en')} of ${counted(tests.length, 'test')}`;
    if (found > view.length)
      byId('count').textContent += `; the first ${MOST_ROWS.toLocaleString('en')} are shown`;
    if (run.left_out > 0)
      byId('count').textContent +=
          `; ${counted(run.left_out, 'more test')} have no place in this page`;
    current = Math.max(0, before === null ? 0 : view.indexOf(before));
    for (const element of shown.values()) element.remove();
    shown.clear();
    placeOpen();
    layOut();
  }

  function placeOpen() {
    placeOf = new Map();
    if (open.size > 0)
      view.forEach((row, place) => {
        if (open.has(row)) placeOf.set(row, place);
      });
  }

  // The list: only what is on the screen is there

  const list = byId('list');
  const shown = new Map();  // row: its element
  let current = 0;          // place in the view
  let isDrawn = true;
  let anchor = null;  // the first row on the screen
  let sought = null;  // the row that somebody wanted to see, until they do something else

  const topOf = place => {
    let top = place * ROW;
    for (const [row, at] of placeOf)
      if (at < place) top += open.get(row);
    return top;
  };

  function layOut() {
    if (!isDrawn) return;
    isDrawn = false;
    requestAnimationFrame(draw);
  }

  function draw() {
    isDrawn = true;
    list.style.height = `${topOf(view.length)}px`;
    const above = -list.getBoundingClientRect().top;
    const margin = 300;
    let first = Math.max(0, Math.min(view.length, Math.floor((above - margin) / ROW)));
    while (first > 0 && topOf(first) > above - margin)
      first =
          Math.max(0, first - Math.max(1, Math.floor((topOf(first) - above + margin) / ROW / 2)));
    let top = topOf(first);
    anchor = null;
    const needed = new Set();
    for (let place = first; place < view.length && top < above + innerHeight + margin; ++place) {
      const row = view[place];
      let element = shown.get(row);
      if (!element) {
        element = makeRow(row);
        shown.set(row, element);
        list.append(element);
      }
      needed.add(row);
      if (anchor === null && top + ROW + (open.get(row) ?? 0) > above) anchor = row;
      element.style.transform = `translateY(${top}px)`;
      element.classList.toggle('current', place === current);
      element.setAttribute('aria-posinset', place + 1);
      element.setAttribute('aria-setsize', view.length);
      top += ROW + (open.get(row) ?? 0);
    }
    for (const [row, element] of shown) {
      if (needed.has(row)) continue;
      if (element.contains(document.activeElement)) list.focus({preventScroll: true});
      element.remove();
      shown.delete(row);
    }
    const at = shown.get(view[current]);
    at ? list.setAttribute('aria-activedescendant', at.id) :
         list.removeAttribute('aria-activedescendant');
  }

  // How high an open test is shows only once it is there. Then what is looked at stays where it is:
  // a test that was searched for, or else the first one on the screen.
  const heights = new ResizeObserver(entries => {
    const fixed = view.indexOf(sought ?? anchor);
    const before = topOf(fixed);
    let hasChanged = false;
    for (const entry of entries) {
      const row = Number(entry.target.dataset.row);
      const height = entry.target.offsetHeight;
      if (height === 0 || !open.has(row) || open.get(row) === height) continue;
      open.set(row, height);
      hasChanged = true;
    }
    if (!hasChanged) return;
    list.style.height = `${topOf(view.length)}px`;
    const shift = fixed < 0 ? 0 : topOf(fixed) - before;
    if (shift !== 0) scrollBy(0, shift);
    layOut();
  });

  function makeRow(row) {
    const test = tests[row];
    const element = make('div', 'row');
    element.id = `row-${row}`;
    element.setAttribute('role', 'treeitem');
    const head = make('div', 'head');
    head.append(make('span', `outcome ${nameOf(test[OUTCOME])}`, OUTCOMES[test[OUTCOME]]));
    const id = make('span', 'id');
    id.title = inLine(test[ID]);
    id.append(make('bdi', '', inLine(test[ID])));
    head.append(id);
    if (test[NEW]) head.append(make('span', 'new', 'new'));
    head.append(make('span', 'why', test[WHY] === 0 ? '' : inLine(test[WHY])));
    head.append(make('span', 'where', workerName(test[WORKER])));
    head.append(make('span', 'took', seconds(test[TOOK])));
    head.addEventListener('click', () => {
      if (getSelection().toString() !== '') return;
      current = view.indexOf(row);
      toggle(row);
    });
    element.append(head);
    setOpen(element, row);
    return element;
  }

  function setOpen(element, row) {
    const isOpen = open.has(row);
    element.setAttribute('aria-expanded', isOpen);
    const body = element.querySelector('.body');
    if (isOpen && !body) {
      const made = makeBody(row);
      made.dataset.row = row;
      element.append(made);
      heights.observe(made);
    } else if (!isOpen && body) {
      heights.unobserve(body);
      body.remove();
    }
  }

  function toggle(row) {
    open.has(row) ? open.delete(row) : open.set(row, 0);
    placeOpen();
    const element = shown.get(row);
    if (element) setOpen(element, row);
    layOut();
  }

  // What there is to know of a test

  function textsOf(row) {
    const place = tests[row][TEXTS];
    if (place === null || place < 0) return [];
    return JSON.parse(byId(`texts-${place}`).textContent)[row];
  }

  function shellQuoted(text) {
    if (/^[\w@%+=:,./-]+$/.test(text)) return text;
    if (text.search(ONE_HARMFUL) < 0) return `'${text.replace(/'/g, '\'\\\'\'')}'`;
    const bytesOf = found => [...new TextEncoder().encode(found)];
    const escaped = text.replace(/[\\']/g, '\\$&')
                        .replace(
                            ONE_HARMFUL,
                            found => bytesOf(found)
                                         .map(byte => '\\x' + byte.toString(16).padStart(2, '0'))
                                         .join(''));
    return `$'${escaped}'`;  // of bash, zsh and POSIX.1-2024
  }
  /// What selects a test on the command line: an id that looks like an option is none there.
  const selecting = id =>
      id.startsWith('-') ? `--match ${shellQuoted(`^\\Q${id}\\E$`)}` : shellQuoted(id);
  const linkTo = row => '#test=' + encodeURIComponent(tests[row][ID]);

  function fact(facts, name, value) {
    if (value === '' || value === null) return;
    facts.append(make('dt', '', name));
    const cell = make('dd');
    cell.append(value);
    facts.append(cell);
  }

  function commandOf(row) {
    const cell = document.createDocumentFragment();
    const code =
        make('code', 'command', run.again[0] + ' ' + selecting(tests[row][ID]) + run.again[1]);
    const button = make('button', '', 'copy');
    button.type = 'button';
    button.addEventListener('click', () => {
      getSelection().selectAllChildren(code);
      button.textContent = document.execCommand('copy') ? 'copied' : 'selected';
    });
    cell.append(code, ' ', button);
    return cell;
  }

  function makeBody(row) {
    const test = tests[row];
    const body = make('div', 'body');
    const facts = make('dl');
    const link = make('a', 'link', inLine(test[ID]));
    link.href = linkTo(row);
    fact(facts, 'Test', link);
    fact(facts, 'Why', test[WHY] === 0 ? '' : inLine(test[WHY]));
    const channel = channelOf.get(test[WORKER]);
    fact(facts, 'Server', workerName(test[WORKER]) + (channel ? `: ${inLine(channel)}` : ''));
    if (test[BEGAN] !== null)
      fact(facts, 'Began', `${seconds(test[BEGAN])} after the start of the run`);
    fact(facts, 'Took', seconds(test[TOOK]));
    if (test[TAGS] !== 0)
      fact(facts, 'Tags', test[TAGS].map(place => inLine(run.tags[place])).join(', '));
    if (run.again[0] !== '') fact(facts, 'Again', commandOf(row));
    body.append(facts);
    const before = test[ATTEMPTS] ?? [];
    const texts = textsOf(row);
    const attempts = [
      ...before,
      [test[OUTCOME] === FLAKY ? PASSED : test[OUTCOME], test[WORKER], test[BEGAN], test[TOOK]]
    ];
    attempts.forEach(([outcome, worker, , took], number) => {
      if (before.length > 0) {
        const title = make('h3', '', `Attempt ${number + 1}: `);
        title.append(make('span', nameOf(outcome), OUTCOMES[outcome]));
        title.append([
          worker === null ? '' : ` on ${workerName(worker)}`,
          took === null ? '' : `, ${seconds(took)}`
        ].join(''));
        body.append(title);
      }
      showFiles(body, texts[number] ?? []);
    });
    if (test[TEXTS] === -1)
      body.append(make('p', '', 'Its output is left out: the page has too much text already.'));
    return body;
  }

  function showFiles(parent, files) {
    for (const [name, text, isText] of files) {
      parent.append(make('h4', '', inLine(name)));
      const box = make('pre');
      box.tabIndex = 0;
      isText === 0 ? box.append(inLine(text)) : showText(box, text);
      parent.append(box);
    }
  }

  // Moving about

  function goTo(place) {
    current = Math.max(0, Math.min(view.length - 1, place));
    const top = topOf(current), box = list.getBoundingClientRect();
    const above = -box.top, room = innerHeight;
    if (top < above + ROW)
      scrollTo(0, scrollY + top - above - ROW);
    else if (top + 2 * ROW > above + room)
      scrollTo(0, scrollY + top + 2 * ROW - above - room);
    layOut();
  }

  /// Shows a test and opens it, whatever the filters say.
  function reveal(row) {
    if (!view.includes(row)) {
      search.value = server.value = tag.value = '';
      onlySlow.checked = onlyNew.checked = false;
      chosen.clear();
      showChosen();
      choose(row);
    }
    if (!open.has(row)) toggle(row);
    sought = row;
    current = view.indexOf(row);
    list.style.height = `${topOf(view.length)}px`;
    const top = topOf(current) + list.getBoundingClientRect().top;
    scrollTo(0, scrollY + top - innerHeight / 4);
    list.focus({preventScroll: true});
    layOut();
  }

  function followLink() {
    if (!location.hash.startsWith('#test=')) return;
    let id;
    try {
      id = decodeURIComponent(location.hash.slice('#test='.length));
    } catch {
      return;
    }
    // A test that has run several times: where it was worst.
    let best = -1;
    tests.forEach((test, row) => {
      const isWorse = best < 0 || RANK[test[OUTCOME]] < RANK[tests[best][OUTCOME]];
      if (test[ID] === id && isWorse) best = row;
    });
    if (best >= 0) reveal(best);
  }

  function listKey(event) {
    if (event.target !== list || event.ctrlKey || event.metaKey || event.altKey ||
        view.length === 0)
      return;
    const page = Math.max(1, Math.floor(innerHeight / ROW) - 2);
    const isOpen = open.has(view[current]);
    const steps = {
      ArrowDown: 1,
      j: 1,
      ArrowUp: -1,
      k: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity
    };
    if (event.key in steps)
      goTo(current + steps[event.key]);
    else if (event.key === 'Enter' || event.key === ' ')
      toggle(view[current]);
    else if (event.key === 'ArrowRight')
      isOpen || toggle(view[current]);
    else if (event.key === 'ArrowLeft')
      isOpen && toggle(view[current]);
    else
      return;
    event.preventDefault();
  }

  function pageKey(event) {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    search.focus();
    event.preventDefault();
  }

  // The filters

  function showChosen() {
    for (const button of byId('outcomes').children)
      button.setAttribute('aria-pressed', chosen.has(Number(button.value)));
  }

  function makeFilters() {
    const order = OUTCOMES.map((_, outcome) => outcome).sort((a, b) => RANK[a] - RANK[b]);
    for (const outcome of order) {
      if (counts[outcome] === 0) continue;
      const button = make(
          'button', nameOf(outcome),
          `${OUTCOMES[outcome]} ${counts[outcome].toLocaleString('en')}`);
      button.type = 'button';
      button.value = outcome;
      button.addEventListener('click', () => {
        chosen.delete(outcome) || chosen.add(outcome);
        showChosen();
        choose();
      });
      byId('outcomes').append(button);
    }
    showChosen();
    const options = (select, names) => {
      for (const [value, name] of names) {
        const option = make('option', '', inLine(name));
        option.value = value;
        select.append(option);
      }
    };
    options(
        server,
        run.workers.map(
            ([worker, channel]) => [worker, workerName(worker) + (channel ? `: ${channel}` : '')]));
    options(tag, run.tags.map((name, place) => [place, name]).sort((a, b) => a[1] < b[1] ? -1 : 1));
    byId('server-label').hidden = run.workers.length < 2;
    byId('tag-label').hidden = run.tags.length === 0;
    byId('new-label').hidden = !run.history;
    search.addEventListener('input', () => choose());
    for (const input of [sort, server, tag, onlySlow, onlyNew])
      input.addEventListener('change', () => choose());
    search.addEventListener('keydown', event => {
      if (event.key === 'Enter' || event.key === 'ArrowDown') {
        list.focus();
        event.preventDefault();
      }
    });
  }

  // The time line

  const canvas = byId('canvas'), pointed = byId('pointed');
  const lanes = new Map(run.workers.map(([worker], lane) => [worker, {lane, boxes: []}]));
  let from = 0, to = Math.max(1, run.took);  // what is seen, in ms since the start
  let at = null;                             // the box that the keys have come to: {worker, number}

  function makeBoxes() {
    const add = (worker, start, took, outcome, row) => {
      const lane = lanes.get(worker);
      if (lane && start !== null) lane.boxes.push({start, end: start + (took ?? 0), outcome, row});
    };
    tests.forEach((test, row) => {
      for (const [outcome, worker, start, took] of test[ATTEMPTS] ?? [])
        add(worker, start, took, outcome, row);
      add(test[WORKER], test[BEGAN], test[TOOK], test[OUTCOME], row);
    });
    for (const {boxes} of lanes.values()) boxes.sort((a, b) => a.start - b.start);
    byId('time').hidden = ![...lanes.values()].some(lane => lane.boxes.length > 0);
  }

  const LABEL = 76;
  const laneHeight = () => Math.max(3, Math.min(20, Math.floor(400 / lanes.size)));

  function drawTime() {
    if (byId('time').hidden) return;
    const scale = devicePixelRatio || 1, width = canvas.clientWidth, lane = laneHeight();
    const height = lanes.size * lane + 18;
    canvas.style.height = `${height + 2}px`;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const colors = getComputedStyle(document.documentElement);
    const color = name => colors.getPropertyValue(name).trim();
    const context = canvas.getContext('2d');
    context.scale(scale, scale);
    context.font = '11px system-ui, sans-serif';
    context.textBaseline = 'middle';
    const fills = OUTCOMES.map(
        (_, outcome) => color(
            isFailure(outcome)      ? '--failed' :
                outcome === FLAKY   ? '--flaky' :
                outcome === NOT_RUN ? '--not-run' :
                outcome === PASSED  ? '--passed' :
                                      '--skipped'));
    const unit = (width - LABEL - 4) / (to - from);
    for (const [worker, {lane: number, boxes}] of lanes) {
      const y = number * lane;
      context.fillStyle = color('--quiet');
      if (lane >= 11) context.fillText(workerName(worker), 4, y + lane / 2, LABEL - 8);
      context.strokeStyle = color('--line');
      context.strokeRect(LABEL, y + .5, width - LABEL - 4, lane);
      // What is worse is drawn later: where many boxes share a pixel, it shows.
      for (const worse of [false, true]) {
        let last = -1;
        for (const box of boxes) {
          if ((RANK[box.outcome] < RANK[NOT_RUN]) !== worse || box.end < from || box.start > to)
            continue;
          const x = Math.floor(LABEL + Math.max(0, (box.start - from) * unit));
          const end = Math.floor(Math.min(width - 4, LABEL + (box.end - from) * unit));
          if (end === x && x === last) continue;
          last = x;
          context.fillStyle = fills[box.outcome];
          context.fillRect(
              x, y + 2, Math.max(1, end - x - (end - x > 3 ? 1 : 0)), Math.max(1, lane - 3));
        }
      }
      if (at && at.worker === worker) {
        const box = boxes[at.number];
        context.strokeStyle = color('--mark');
        context.lineWidth = 2;
        context.strokeRect(
            LABEL + (box.start - from) * unit - 1, y + 1,
            Math.max(3, (box.end - box.start) * unit + 1), lane - 1);
        context.lineWidth = 1;
      }
    }
    context.fillStyle = color('--quiet');
    context.fillText(seconds(from) || '0', LABEL, height - 8);
    context.textAlign = 'right';
    context.fillText(seconds(to), width - 4, height - 8);
    context.textAlign = 'left';
  }

  const timeAt = x =>
      from + (x - LABEL) * (to - from) / Math.max(1, canvas.clientWidth - LABEL - 4);

  function boxAt(event) {
    const box = canvas.getBoundingClientRect();
    const lane = [...lanes.values()][Math.floor((event.clientY - box.top) / laneHeight())];
    if (!lane) return null;
    const time = timeAt(event.clientX - box.left),
          pixel = (to - from) / Math.max(1, canvas.clientWidth - LABEL - 4);
    let best = null, distance = 2 * pixel;
    for (const each of lane.boxes) {
      if (each.start > time + 2 * pixel) break;
      const away = Math.max(0, each.start - time, time - each.end);
      if (away < distance ||
          (away <= distance && best && RANK[each.outcome] < RANK[best.outcome])) {
        best = each;
        distance = away;
      }
    }
    return best;
  }

  function pointAt(box) {
    const test = box && tests[box.row];
    canvas.style.cursor = box ? 'pointer' : 'default';
    pointed.textContent =
        box ? `${inLine(test[ID])}: ${OUTCOMES[box.outcome]}, ${seconds(box.end - box.start)}` : '';
  }

  function zoom(factor, middle = (from + to) / 2) {
    const all = Math.max(1, run.took), span = Math.min(all, Math.max(.01, (to - from) * factor));
    from = Math.max(0, Math.min(all - span, middle - (middle - from) * span / (to - from)));
    to = from + span;
    drawTime();
  }

  function timeKey(event) {
    const names = [...lanes].filter(([, lane]) => lane.boxes.length > 0).map(([worker]) => worker);
    if (event.ctrlKey || event.metaKey || event.altKey || names.length === 0) return;
    const boxes = at && lanes.get(at.worker).boxes;
    if (event.key === '+')
      zoom(.5, at ? boxes[at.number].start : undefined);
    else if (event.key === '-')
      zoom(2);
    else if (event.key === '0')
      zoom(Infinity);
    else if (event.key === 'Enter' && at)
      reveal(boxes[at.number].row);
    else if (/^Arrow/.test(event.key)) {
      if (!at)
        at = {worker: names[0], number: 0};
      else if (event.key === 'ArrowRight')
        at.number = Math.min(boxes.length - 1, at.number + 1);
      else if (event.key === 'ArrowLeft')
        at.number = Math.max(0, at.number - 1);
      else {
        const step = event.key === 'ArrowDown' ? 1 : -1, time = boxes[at.number].start;
        at.worker = names[Math.max(0, Math.min(names.length - 1, names.indexOf(at.worker) + step))];
        const there = lanes.get(at.worker).boxes;
        const after = there.findIndex(box => box.end >= time);
        at.number = after < 0 ? there.length - 1 : after;
      }
      const box = lanes.get(at.worker).boxes[at.number];
      if (box.start < from || box.start > to) {
        const span = to - from;
        from = Math.max(0, Math.min(run.took - span, box.start - span / 2));
        to = from + span;
      }
      pointAt(box);
      drawTime();
    } else
      return;
    event.preventDefault();
  }

  function makeTime() {
    makeBoxes();
    canvas.addEventListener('mousemove', event => pointAt(boxAt(event)));
    canvas.addEventListener('mouseleave', () => pointAt(null));
    canvas.addEventListener('click', event => {
      const box = boxAt(event);
      if (box) reveal(box.row);
    });
    canvas.addEventListener('wheel', event => {
      if (!event.ctrlKey && !event.shiftKey) return;  // the page scrolls
      zoom(event.deltaY + event.deltaX < 0 ? .8 : 1.25, timeAt(event.offsetX));
      event.preventDefault();
    }, {passive: false});
    canvas.addEventListener('keydown', timeKey);
    byId('zoom-in').addEventListener('click', () => zoom(.5));
    byId('zoom-out').addEventListener('click', () => zoom(2));
    byId('zoom-all').addEventListener('click', () => zoom(Infinity));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawTime);
  }

  // Each test on each channel

  function makeMatrix() {
    if (run.channels.length === 0) return;
    const channelOfTag = new Map(
        run.channels.map((_, channel) => [run.tags.indexOf(`channel-${channel}`), channel]));
    // By id, the row where it was worst on each channel: it may have run several times.
    const worst = new Map();
    const rank = row => RANK[tests[row][OUTCOME]];
    tests.forEach((test, row) => {
      const place = test[TAGS] === 0 ? undefined : test[TAGS].find(tag => channelOfTag.has(tag));
      if (place === undefined) return;
      if (!worst.has(test[ID])) worst.set(test[ID], []);
      const rows = worst.get(test[ID]), channel = channelOfTag.get(place);
      if (rows[channel] === undefined || rank(row) < rank(rows[channel])) rows[channel] = row;
    });
    const lines = [...worst].map(
        ([id, rows]) => ({id, rows, least: Math.min(...rows.map(rank).filter(isFinite))}));
    // Where all channels agree, there is less to see.
    const isMixed = ({rows}) =>
        new Set(run.channels.map((_, channel) => tests[rows[channel]]?.[OUTCOME])).size > 1;
    lines.forEach(line => line.isMixed = isMixed(line));
    lines.sort((a, b) => a.least - b.least || b.isMixed - a.isMixed);
    const table = byId('matrix').querySelector('table');
    const head = table.createTHead().insertRow();
    head.append(make('th', '', 'Test'));
    run.channels.forEach((name, channel) => {
      const cell = make('th', '', `channel-${channel}: ${inLine(name)}`);
      cell.scope = 'col';
      cell.title = inLine(name);
      head.append(cell);
    });
    const body = table.createTBody();
    const sums = body.insertRow();
    sums.append(make('td', '', counted(lines.length, 'test')));
    run.channels.forEach((_, channel) => {
      const failed = lines.filter(
          ({rows}) => rows[channel] !== undefined && isFailure(tests[rows[channel]][OUTCOME]));
      sums.append(make(
          'td', failed.length > 0 ? 'failed' : 'passed',
          failed.length > 0 ? `${failed.length.toLocaleString('en')} failed` : 'none failed'));
    });
    for (const {id, rows} of lines.slice(0, MATRIX_ROWS)) {
      const line = body.insertRow();
      const name = make('th', '', inLine(id));
      name.scope = 'row';
      name.title = inLine(id);
      line.append(name);
      run.channels.forEach((_, channel) => {
        const cell = line.insertCell();
        const row = rows[channel];
        if (row === undefined) return;
        const outcome = tests[row][OUTCOME];
        const button = make('button', nameOf(outcome), OUTCOMES[outcome]);
        button.type = 'button';
        button.addEventListener('click', () => reveal(row));
        cell.append(button);
      });
    }
    const more = lines.slice(MATRIX_ROWS);
    if (more.length > 0) {
      const bad = more.filter(({least}) => least < RANK[PASSED]).length;
      byId('matrix').querySelector('p').textContent = `and ${counted(more.length, 'more test')}, ` +
          (bad > 0 ? `of which ${bad.toLocaleString('en')} did not pass everywhere` :
                     'which passed everywhere');
    }
    byId('matrix').hidden = false;
  }

  // Beside the tests

  function showEvents() {
    if (run.incidents.length === 0) return;
    byId('events').hidden = false;
    byId('events').querySelector('summary').textContent =
        counted(run.incidents.length, 'message') + ' about the run';
    if (run.more_incidents > 0)
      byId('events').querySelector('summary').textContent += `, and ${run.more_incidents} more`;
    for (const [when, worker, text] of run.incidents)
      byId('events').querySelector('ul').append(make(
          'li', '',
          `${seconds(when)}${worker === null ? '' : ` ${workerName(worker)}`}: ${inLine(text)}`));
  }

  function showOutside() {
    if (run.outside.length === 0) return;
    byId('outside').hidden = false;
    const details = byId('outside').querySelector('details');
    details.addEventListener('toggle', () => {
      for (const [worker, files] of run.outside) {
        details.append(make('h3', '', worker === null ? 'Of no server' : workerName(worker)));
        showFiles(details, files);
      }
    }, {once: true});
  }

  showHead();
  makeFilters();
  showEvents();
  showOutside();
  tests.map((_, row) => row)
      .filter(row => isFailure(tests[row][OUTCOME]))
      .slice(0, OPEN_AT_FIRST)
      .forEach(row => open.set(row, 0));
  choose();
  list.addEventListener('keydown', listKey);
  document.addEventListener('keydown', pageKey);
  document.addEventListener('scroll', layOut, {passive: true});
  addEventListener('resize', () => {
    drawTime();
    layOut();
  });
  for (const act of ['wheel', 'pointerdown', 'keydown', 'touchstart'])
    addEventListener(act, () => sought = null, {capture: true, passive: true});
  addEventListener('hashchange', followLink);
  setTimeout(() => {  // once the tests are there to see
    makeMatrix();
    makeTime();
    drawTime();
    followLink();
  });
  document.documentElement.dataset.ready = Math.round(performance.now() - began);
})();
