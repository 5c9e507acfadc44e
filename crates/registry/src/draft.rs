//! A change of the directory before it is stored: events applied, one after the other, to copies of what they touch.
//!
//! The rules of events live here and in [`rules`], and nowhere else. A draft is pure: operations and imports fill one, then its rows are
//! written in one transaction. Nothing that was recorded is overwritten: an event of an earlier date than a recorded one is taken when both
//! can be true, else refused.

mod rules;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lgsp_base::entropy::Entropy;
use lgsp_base::id::{OrgEventId, OrgId};
use lgsp_base::org_code::Scheme;
use lgsp_base::time::Timestamp;

use self::rules::{check_kind, check_level, checked_name};
use crate::directory::Directory;
use crate::error::EventRule;
use crate::model::{Code, Event, EventKind, Organisation, Period, Succession, SuccessionKind};

/// A code that an organisation is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCode {
    /// System of codes.
    pub scheme: Scheme,
    /// The code.
    pub code: String,
    /// False for one that was made up until the official one is known.
    pub is_official: bool,
    /// The decision behind it.
    pub legal_basis: Option<String>,
}

/// An organisation that is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrganisation {
    /// Name as people write it.
    pub name: String,
    /// Kind as a short word; empty when nobody has described it yet, so that an import may fill it in.
    pub kind: String,
    /// Level, 1 at the top.
    pub level: u32,
    /// The organisation above.
    pub parent: Option<OrgId>,
    /// Code of its administrative unit.
    pub admin_unit_code: Option<String>,
    /// Its province.
    pub province: Option<String>,
    /// Its codes, at least one of an addressable scheme.
    pub codes: Vec<NewCode>,
}

impl NewOrganisation {
    /// An organisation of which only code and name are known, as at the set-up of a platform. The first import that has its code
    /// describes it; until then it stands at level 1.
    pub fn undescribed(code: &str, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: String::new(),
            level: 1,
            parent: None,
            admin_unit_code: None,
            province: None,
            codes: vec![NewCode {
                scheme: Scheme::Qd20,
                code: code.trim().to_owned(),
                is_official: true,
                legal_basis: None,
            }],
        }
    }
}

/// How strictly codes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// We issue the code: it follows its scheme's form.
    Issued,
    /// Somebody else did: any code that can be matched (R-ORG-10).
    Foreign,
}

/// When and why an event happens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Occasion {
    /// Since when it holds.
    pub effective_at: Timestamp,
    /// Number of the decision.
    pub decision: Option<String>,
    /// Remark.
    pub note: Option<String>,
}

/// A directory and the changes to be made to it.
#[derive(Debug)]
pub struct Draft<'a> {
    base: &'a Directory,
    now: Timestamp,
    entropy: &'a dyn Entropy,
    touched: HashMap<OrgId, Organisation>,
    order: Vec<OrgId>,
    created: HashSet<OrgId>,
    codes: HashMap<(Scheme, String), OrgId>,
    edges: HashMap<OrgId, Vec<Succession>>,
    /// The last date on which an organisation took another one over in this draft.
    taken_over: HashMap<OrgId, Timestamp>,
    events: Vec<Event>,
}

/// What a draft wants to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Ids of organisations that are new, with all their rows in `organisations`.
    pub created: HashSet<OrgId>,
    /// Every touched organisation as it is to be, in the order in which they were touched.
    pub organisations: Vec<Organisation>,
    /// New edges.
    pub successions: Vec<Succession>,
    /// New events.
    pub events: Vec<Event>,
}

impl<'a> Draft<'a> {
    /// Begins without a change.
    pub fn new(base: &'a Directory, now: Timestamp, entropy: &'a dyn Entropy) -> Self {
        Self {
            base,
            now,
            entropy,
            touched: HashMap::new(),
            order: Vec::new(),
            created: HashSet::new(),
            codes: HashMap::new(),
            edges: HashMap::new(),
            taken_over: HashMap::new(),
            events: Vec::new(),
        }
    }

    /// The rows to be stored.
    pub fn into_changes(mut self) -> Changes {
        let organisations = self
            .order
            .iter()
            .filter_map(|id| self.touched.remove(id))
            .collect();
        let mut successions: Vec<Succession> = self.edges.into_values().flatten().collect();
        successions.sort_by_key(|edge| (edge.event, edge.predecessor, edge.successor));
        Changes {
            created: self.created,
            organisations,
            successions,
            events: self.events,
        }
    }

    /// True if nothing would be stored.
    pub fn is_empty(&self) -> bool {
        self.touched.is_empty() && self.events.is_empty()
    }

    /// How many events were applied.
    pub fn event_count(&self) -> usize {
        self.events.len()
    }

    /// An organisation as it would be.
    pub fn organisation(&self, id: OrgId) -> Option<&Organisation> {
        self.touched.get(&id).or_else(|| self.base.organisation(id))
    }

    /// Who has or had a code.
    pub fn by_key(&self, scheme: Scheme, key: &str) -> Option<OrgId> {
        self.codes
            .get(&(scheme, key.to_owned()))
            .copied()
            .or_else(|| self.base.by_key(scheme, key).map(|org| org.id))
    }

    /// All edges in which the organisation is the predecessor, recorded ones first.
    pub fn successions_of(&self, id: OrgId) -> impl Iterator<Item = &Succession> {
        self.base
            .successions_of(id)
            .iter()
            .chain(self.edges.get(&id).map_or(&[][..], Vec::as_slice))
    }

    /// Notes an event and gives its id.
    pub fn event(
        &mut self,
        kind: EventKind,
        occasion: &Occasion,
        detail: serde_json::Value,
    ) -> OrgEventId {
        let id = OrgEventId::generate(self.now, self.entropy);
        self.events.push(Event {
            id,
            kind,
            effective_at: occasion.effective_at,
            decision: occasion.decision.clone(),
            note: occasion.note.clone(),
            detail: detail.to_string(),
        });
        id
    }

    /// Lets an organisation begin.
    ///
    /// # Errors
    /// A rule about its name, level, kind, codes or parent.
    pub fn create(
        &mut self,
        new: &NewOrganisation,
        at: Timestamp,
        event: OrgEventId,
        strictness: Strictness,
    ) -> Result<OrgId, EventRule> {
        let name = checked_name(&new.name)?;
        check_level(new.level)?;
        check_kind(&new.kind)?;
        if !new
            .codes
            .iter()
            .any(|code| Scheme::ADDRESSABLE.contains(&code.scheme))
        {
            return Err(EventRule::NoCode);
        }
        if let Some(parent) = new.parent {
            self.check_parent_open(parent, at)?;
        }
        let id = OrgId::generate(self.now, self.entropy);
        let mut codes = Vec::with_capacity(new.codes.len());
        for code in &new.codes {
            let code = self.checked_code(code, at, event, strictness)?;
            if codes
                .iter()
                .any(|known: &Code| known.scheme == code.scheme && known.key == code.key)
            {
                return Err(EventRule::CodeTaken(code.code));
            }
            codes.push(code);
        }
        for code in &codes {
            self.codes.insert((code.scheme, code.key.clone()), id);
        }
        self.created.insert(id);
        self.order.push(id);
        self.touched.insert(
            id,
            Organisation {
                id,
                created_at: self.now,
                periods: vec![Period {
                    from: at,
                    to: None,
                    name,
                    kind: Arc::from(new.kind.as_str()),
                    level: new.level,
                    parent: new.parent,
                    admin_unit_code: new.admin_unit_code.clone(),
                    province: new.province.as_deref().map(Arc::from),
                    event,
                }],
                codes,
            },
        );
        Ok(id)
    }

    /// Gives another name from a date on, until the next recorded renaming.
    ///
    /// # Errors
    /// The organisation does not exist then, or the name is not valid or the same.
    pub fn rename(
        &mut self,
        id: OrgId,
        name: &str,
        at: Timestamp,
        event: OrgEventId,
    ) -> Result<(), EventRule> {
        let name = checked_name(name)?;
        self.set_field(
            id,
            at,
            event,
            |period| period.name.clone(),
            |period, value| period.name.clone_from(value),
            name,
        )
    }

    /// Puts the organisation below another one from a date on.
    ///
    /// # Errors
    /// One of them does not exist then, or it would stand above itself.
    pub fn move_to(
        &mut self,
        id: OrgId,
        parent: Option<OrgId>,
        at: Timestamp,
        event: OrgEventId,
    ) -> Result<(), EventRule> {
        if let Some(parent) = parent {
            if parent == id {
                return Err(EventRule::Cycle(self.label(id, at)));
            }
            self.active(parent, at)?;
            self.check_no_parent_cycle(id, parent, at)?;
        }
        self.set_field(
            id,
            at,
            event,
            |period| period.parent,
            |period, value| period.parent = *value,
            parent,
        )
    }

    /// Gives another level from a date on.
    ///
    /// # Errors
    /// The organisation does not exist then, or the level is not valid or the same.
    pub fn change_level(
        &mut self,
        id: OrgId,
        level: u32,
        at: Timestamp,
        event: OrgEventId,
    ) -> Result<(), EventRule> {
        check_level(level)?;
        self.set_field(
            id,
            at,
            event,
            |period| period.level,
            |period, value| period.level = *value,
            level,
        )
    }

    /// Binds a predecessor to a successor; a kind that ends the predecessor ends it at that date.
    ///
    /// # Errors
    /// One of them does not exist then, later events contradict it, or the chain would close on itself.
    pub fn succeed(
        &mut self,
        predecessor: OrgId,
        successors: &[Option<OrgId>],
        kind: SuccessionKind,
        occasion: &Occasion,
        event: OrgEventId,
    ) -> Result<(), EventRule> {
        let at = occasion.effective_at;
        for successor in successors.iter().flatten() {
            if *successor == predecessor {
                return Err(EventRule::SameOrganisation(self.label(predecessor, at)));
            }
            self.check_successor(*successor, at)?;
            if kind.ends_predecessor() {
                self.check_no_succession_cycle(predecessor, *successor, at)?;
            }
        }
        if kind.ends_predecessor() {
            self.end(predecessor, at)?;
        } else {
            self.check_touchable(predecessor, at)?;
        }
        for successor in successors.iter().flatten() {
            let last = self.taken_over.entry(*successor).or_insert(at);
            *last = at.max(*last);
        }
        let edges = self.edges.entry(predecessor).or_default();
        for successor in successors {
            edges.push(Succession {
                event,
                predecessor,
                successor: *successor,
                kind,
                effective_at: at,
                note: occasion.note.clone(),
            });
        }
        Ok(())
    }

    /// Gives a further code, or, with `replaces`, another one in the place of the open ones of the same scheme.
    ///
    /// # Errors
    /// The organisation does not exist then, or the code is taken or not valid.
    pub fn add_code(
        &mut self,
        id: OrgId,
        new: &NewCode,
        at: Timestamp,
        event: OrgEventId,
        strictness: Strictness,
        replaces: bool,
    ) -> Result<(), EventRule> {
        self.active(id, at)?;
        let code = self.checked_code(new, at, event, strictness)?;
        self.codes.insert((code.scheme, code.key.clone()), id);
        let ended = self.organisation(id).and_then(Organisation::ended_at);
        let org = self.touch(id, at)?;
        if replaces {
            for old in org
                .codes
                .iter_mut()
                .filter(|old| old.scheme == code.scheme && old.is_open(at) && old.from < at)
            {
                old.to = Some(at);
            }
        }
        org.codes.push(Code { to: ended, ..code });
        Ok(())
    }

    /// Fills in what nobody had described: kind, level, parent, place and, while the kind is empty, the name. Applies to all
    /// periods, because it says what was true from the beginning.
    ///
    /// # Errors
    /// A value is not valid.
    pub fn describe(&mut self, id: OrgId, new: &NewOrganisation) -> Result<(), EventRule> {
        let name = checked_name(&new.name)?;
        check_level(new.level)?;
        check_kind(&new.kind)?;
        if let Some(parent) = new.parent {
            if parent == id {
                return Err(EventRule::Cycle(new.name.clone()));
            }
            self.check_no_parent_cycle(id, parent, Timestamp::BEGINNING)?;
        }
        let org = self.touch(id, Timestamp::BEGINNING)?;
        for period in &mut org.periods {
            if period.kind.is_empty() {
                period.name.clone_from(&name);
                period.kind = Arc::from(new.kind.as_str());
                period.level = new.level;
                period.parent = new.parent;
            }
            if period.admin_unit_code.is_none() {
                period.admin_unit_code.clone_from(&new.admin_unit_code);
            }
            if period.province.is_none() {
                period.province = new.province.as_deref().map(Arc::from);
            }
        }
        Ok(())
    }

    /// True if an organisation above this one, as it stood just before the instant, ends exactly then.
    pub fn has_ending_ancestor(&self, id: OrgId, at: Timestamp) -> bool {
        let before = Timestamp::from_micros(at.as_micros().saturating_sub(1));
        let mut seen = HashSet::from([id]);
        let mut current = id;
        while let Some(parent) = self
            .organisation(current)
            .and_then(|org| org.period_at(before))
            .and_then(|period| period.parent)
        {
            if !seen.insert(parent) {
                return false;
            }
            if self.organisation(parent).and_then(Organisation::ended_at) == Some(at) {
                return true;
            }
            current = parent;
        }
        false
    }

    /// How messages name an organisation.
    pub fn label(&self, id: OrgId, at: Timestamp) -> String {
        match self.organisation(id) {
            Some(org) if !org.code_near(at).is_empty() => org.code_near(at).to_owned(),
            _ => id.to_string(),
        }
    }

    /// A private copy of an organisation that may be changed.
    fn touch(&mut self, id: OrgId, at: Timestamp) -> Result<&mut Organisation, EventRule> {
        if !self.touched.contains_key(&id) {
            let org = self
                .base
                .organisation(id)
                .ok_or_else(|| EventRule::Unknown(self.label(id, at)))?
                .clone();
            self.order.push(id);
            self.touched.insert(id, org);
        }
        self.touched
            .get_mut(&id)
            .ok_or_else(|| EventRule::Unknown(id.to_string()))
    }

    /// Sets one field from an instant on. A value lasts until the next event that changes this field, so recorded later periods
    /// take the new value over as long as they only carried the old one on. Two values from the same instant on contradict each other.
    fn set_field<T: PartialEq>(
        &mut self,
        id: OrgId,
        at: Timestamp,
        event: OrgEventId,
        get: impl Fn(&Period) -> T,
        set: impl Fn(&mut Period, &T),
        value: T,
    ) -> Result<(), EventRule> {
        self.active(id, at)?;
        self.check_touchable(id, at)?;
        let label = self.label(id, at);
        let org = self.touch(id, at)?;
        let index = org
            .periods
            .partition_point(|period| period.from <= at)
            .saturating_sub(1);
        let before = index
            .checked_sub(1)
            .and_then(|previous| org.periods.get(previous))
            .map(&get);
        let Some(current) = org.periods.get_mut(index) else {
            return Err(EventRule::NoChange);
        };
        let old = get(current);
        if old == value {
            return Err(EventRule::NoChange);
        }
        if current.from == at && before.is_some_and(|before| before != old) {
            return Err(EventRule::LaterEvents(label));
        }
        let start = if current.from == at {
            index
        } else {
            let mut next = current.clone();
            next.from = at;
            next.event = event;
            current.to = Some(at);
            org.periods.insert(index + 1, next);
            index + 1
        };
        for period in org.periods.iter_mut().skip(start) {
            if get(period) != old {
                break;
            }
            set(period, &value);
        }
        Ok(())
    }

    /// Ends an organisation and closes its codes.
    fn end(&mut self, id: OrgId, at: Timestamp) -> Result<(), EventRule> {
        self.active(id, at).map(drop)?;
        self.check_touchable(id, at)?;
        let has_later = {
            let org = self
                .organisation(id)
                .ok_or_else(|| EventRule::Unknown(id.to_string()))?;
            org.periods.iter().any(|period| period.from >= at)
                || org.codes.iter().any(|code| code.from >= at)
                || self.successions_of(id).any(|edge| edge.effective_at > at)
        };
        let is_needed_later = self.base.predecessors_of(id).iter().any(|predecessor| {
            self.base
                .successions_of(*predecessor)
                .iter()
                .any(|edge| edge.successor == Some(id) && edge.effective_at > at)
        }) || self.taken_over.get(&id).is_some_and(|last| *last > at);
        if has_later || is_needed_later {
            return Err(EventRule::LaterEvents(self.label(id, at)));
        }
        let org = self.touch(id, at)?;
        if let Some(last) = org.periods.last_mut() {
            last.to = Some(at);
        }
        for code in org.codes.iter_mut().filter(|code| code.to.is_none()) {
            code.to = Some(at);
        }
        Ok(())
    }
}
