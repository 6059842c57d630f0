//! Which messages one receive takes.

use super::{Company, Receive};

/// Picks the messages of one receive out of those that could be received, offered in their order. Pure.
#[derive(Debug, Clone, Copy)]
pub struct Gather {
    all: Fill,
    /// Of the group whose messages are being offered.
    group: Fill,
    alone: bool,
}

/// How much there is of what there may be.
#[derive(Debug, Clone, Copy)]
struct Fill {
    max: usize,
    bytes_max: usize,
    count: usize,
    bytes: usize,
}

impl Fill {
    fn up_to(max: usize, bytes_max: usize) -> Self {
        Self { max, bytes_max, count: 0, bytes: 0 }
    }

    /// Whether a message fits. The first does, whatever its size.
    fn fits(&self, size: usize) -> bool {
        self.count < self.max && (self.count == 0 || self.bytes.saturating_add(size) <= self.bytes_max)
    }

    fn add(&mut self, size: usize) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(size);
    }
}

/// What becomes of a message that is offered to [`Gather`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// It is received.
    Take,
    /// It has to come alone, and others are picked already, or there is enough of its group: another time. Of its group, nothing
    /// behind it comes now.
    Skip,
    /// No more is received.
    Full,
}

impl Gather {
    /// Begins with none.
    pub fn new(receive: &Receive) -> Self {
        let all = Fill::up_to(receive.max, receive.bytes_max);
        Self { all, group: Fill::up_to(receive.group_max, receive.group_bytes_max), alone: false }
    }

    /// Goes on with another group, or with a message that is of none.
    pub fn next_group(&mut self) {
        self.group = Fill { count: 0, bytes: 0, ..self.group };
    }

    /// Whether the message that was picked has to stay alone.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// How many more may be picked; none after one that comes alone.
    pub fn room(&self) -> usize {
        if self.alone { 0 } else { self.all.max - self.all.count }
    }

    /// Decides about the next message.
    pub fn offer(&mut self, size: usize, company: Company) -> Pick {
        match (company, self.all.count) {
            _ if self.alone || !self.all.fits(size) => Pick::Full,
            _ if !self.group.fits(size) => Pick::Skip,
            (Company::Alone, 1..) => Pick::Skip,
            (company, _) => {
                self.all.add(size);
                self.group.add(size);
                self.alone = company == Company::Alone;
                Pick::Take
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receive_is_filled_up_to_its_bounds_and_a_suspect_comes_alone() {
        use Company::{Alone, Any};
        use Pick::{Full, Skip, Take};
        let receive = Receive { max: 3, bytes_max: 10, ..Receive::default() };
        for (offers, picks) in [
            (vec![(4, Any), (4, Any), (2, Any), (1, Any)], vec![Take, Take, Take, Full]),
            (vec![(99, Any), (1, Any)], vec![Take, Full]),
            (vec![(6, Any), (5, Any)], vec![Take, Full]),
            (vec![(1, Any), (1, Alone), (1, Any)], vec![Take, Skip, Take]),
            (vec![(1, Alone), (1, Any)], vec![Take, Full]),
        ] {
            let mut gather = Gather::new(&receive);
            let picked: Vec<_> = offers.iter().map(|(size, company)| gather.offer(*size, *company)).collect();
            assert_eq!(picked, picks, "{offers:?}");
        }
    }

    #[test]
    fn of_a_group_comes_as_much_as_was_asked_for_and_then_the_next_one() {
        use Pick::{Skip, Take};
        let receive = Receive { max: 9, bytes_max: 99, group_max: 2, group_bytes_max: 10, ..Receive::default() };
        for (sizes, picks) in
            [(&[1, 1, 1][..], &[Take, Take, Skip][..]), (&[6, 6], &[Take, Skip]), (&[11, 1], &[Take, Skip])]
        {
            let mut gather = Gather::new(&receive);
            for _group in 0..2 {
                gather.next_group();
                let picked: Vec<_> = sizes.iter().map(|size| gather.offer(*size, Company::Any)).collect();
                assert_eq!(picked, picks, "{sizes:?}");
            }
        }
    }
}
