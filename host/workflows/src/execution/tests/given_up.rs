//! What is given up, and what is left of it: a name may be another execution's meanwhile, and what has not begun does not begin.

use super::*;

impl Site {
    /// The jobs that wait, which stay.
    async fn jobs(&self) -> Vec<(Delivery, Job)> {
        let jobs = self.receive(&place().tasks).await;
        let read = |delivery: Delivery| {
            let job = Job::read(&delivery.stored.message.body).expect("a job");
            (delivery, job)
        };
        jobs.into_iter().map(read).collect()
    }

    /// Handles the inbox alone.
    async fn events(&self) {
        for delivery in self.receive(&place().inbox).await {
            let notice = Notice::read(&delivery.stored.message.body).expect("a notice");
            let effects = self.executions.step(&notice.to.clone(), vec![notice]).await.expect("a step").effects;
            self.settle(effects, [&delivery]).await;
        }
    }
}

const WAITS: &str = r#"{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 30, "Next": "Do"},
    "Do": {"Type": "Task", "Resource": "echo", "End": true}}}"#;

#[tokio::test]
async fn what_an_execution_left_means_nothing_to_the_next_one_of_its_name() {
    let mut site = Site::new(WAITS);
    site.executions.start("one", json!("first"), 7).await.expect("it starts");
    while site.turn(&mut || false).await {}
    site.executions.stop("one", Failure::new("S", "")).await.expect("it is stopped");
    while site.turn(&mut || false).await {}
    // As if its time were over: another one has the name.
    let forgotten = site.executions.fire(Alarm::Forget("one".to_owned())).await.expect("nothing yet");
    assert_eq!(forgotten, [], "it is kept for a day");
    let head = keys::head("m", "one");
    let gone = site.keys("m/").await.into_iter().filter(|key| !key.starts_with("m/d/"));
    let delete = |key| Effect::KvDelete { store: place().store, key, expect: None };
    let gone: Vec<_> = gone.map(delete).collect();
    assert!(gone.iter().any(|effect| matches!(effect, Effect::KvDelete { key, .. } if *key == head)));
    site.stores.commit(Commit::new(gone)).await.expect("it is gone");
    site.clock.advance(Duration::from_secs(12));
    site.executions.start("one", json!("second"), 8).await.expect("it starts");
    while site.turn(&mut || false).await {}
    site.clock.advance(Duration::from_secs(20));
    while site.turn(&mut || false).await {}
    assert_eq!(site.asked, None, "the timer of the first one has passed, and not its own");
    site.clock.advance(Duration::from_secs(11));
    while site.turn(&mut || false).await {}
    assert_eq!(site.asked, Some(json!("second")));
}

/// A Parallel state with a task and a branch that fails when its own task does; what is caught waits.
fn beside(other: &Value) -> String {
    let fails = json!({"StartAt": "Fails", "States": {"Fails": {"Type": "Task", "Resource": "fails", "End": true}}});
    let both = json!({"Type": "Parallel", "Branches": [{"StartAt": "Other", "States": {"Other": other}}, fails],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "End": true});
    let caught = json!({"Type": "Wait", "Seconds": 600, "End": true});
    json!({"StartAt": "Both", "States": {"Both": both, "Caught": caught}}).to_string()
}

/// Fails the second branch before the first one's job is done; answers that job.
async fn given_up(other: &Value) -> (Site, Delivery, Job) {
    let site = Site::new(&beside(other));
    site.executions.start("one", json!([1, 2, 3]), 7).await.expect("it starts");
    site.events().await;
    let mut jobs = site.jobs().await;
    let (delivery, job) = jobs.remove(0);
    let (failed, Job::Task(work)) = jobs.remove(0) else { panic!("it is a task") };
    let told = site.executions.answered(&work, Err(Failure::new("E", "")));
    site.settle(told.into_iter().collect(), [&failed]).await;
    site.events().await;
    (site, delivery, job)
}

#[tokio::test]
async fn a_task_that_has_not_begun_is_given_up_with_what_is_around_it() {
    let other = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": true,
        "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}});
    let (site, _, Job::Task(work)) = given_up(&other).await else { panic!("it is a task") };
    assert!(site.executions.is_given_up(&work).await.expect("it can be read"));
    let token = site.executions.token(&work).await.expect("it can be read").expect("its execution is there");
    let told = site.executions.tell(&token, |task| Event::TaskEnded { task, result: Ok(json!(1)) }).await;
    assert!(matches!(told, Err(ExecutionError::Missing { .. })), "{told:?}");
}

#[tokio::test]
async fn a_map_run_whose_items_were_not_read_yet_runs_none_of_them() {
    let processor = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "echo", "End": true}}});
    let other = json!({"Type": "Map", "ItemProcessor": processor, "End": true});
    let (site, _, Job::ReadItems { execution, seed, order }) = given_up(&other).await else { panic!("it is a map") };
    assert_eq!(site.executions.read_items(&execution, seed, &order).await.expect("it can be read"), []);
}

#[tokio::test]
async fn who_reads_the_items_while_the_map_is_given_up_is_in_conflict() {
    let processor = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": "echo", "End": true}}});
    let other = json!({"Type": "Map", "ItemProcessor": processor, "End": true});
    let site = Site::new(&beside(&other));
    site.executions.start("one", json!([1]), 7).await.expect("it starts");
    site.events().await;
    let Some((_, Job::ReadItems { execution, seed, order })) = site.jobs().await.into_iter().next() else {
        panic!("it is a map")
    };
    let effects = site.executions.read_items(&execution, seed, &order).await.expect("it can be read");
    site.executions.stop("one", Failure::new("S", "")).await.expect("it is stopped");
    site.events().await;
    let error = site.stores.commit(Commit::new(effects)).await.expect_err("it was given up");
    assert!(matches!(error, CommitError::Conflict { .. }), "{error}");
}

#[tokio::test]
async fn no_task_waits_for_an_express_execution() {
    let site = Site::new(WAITS);
    let options = Options { is_express: true, ..site.executions.options.clone() };
    let express = Executions::new(site.stores.clone(), place(), options, WAITS).expect("it is valid");
    let work = Work {
        execution: "one".to_owned(),
        seed: Some(7),
        task: Ticket(3),
        state: "S".to_owned(),
        resource: "arn:aws:states:::states:startExecution.sync".to_owned(),
        input: json!({}),
        attempt: 0,
        timeout: None,
    };
    let origin = Origin::default();
    let began = site.executions.beginning_for(&work, &express, "child", json!({}), 9, origin).await;
    assert!(matches!(&began, Err(ExecutionError::Express { workflow }) if workflow == "m"), "{began:?}");
}

#[tokio::test]
async fn a_run_that_saw_another_record_than_the_journal_has_is_not_gone_on_with() {
    let site = Site::new(WAITS);
    site.executions.start("one", json!(1), 7).await.expect("it starts");
    let deliveries = site.receive(&place().inbox).await;
    // One saw that the wait is over too, and lost its lease before that was committed; another one has committed the start alone.
    let news = |event| Notice { news: News::Execution(event), ..started() };
    let slow = executions(&site.stores, WAITS);
    let over = news(Event::TimerFired { timer: Ticket(2) });
    let effects = slow.step("one", vec![started(), over]).await.expect("a step").effects;
    assert!(effects.iter().any(|effect| matches!(effect, Effect::QueueSend { queue, .. } if *queue == place().tasks)));
    let effects = site.executions.step("one", vec![started()]).await.expect("a step").effects;
    site.settle(effects, &deliveries).await;
    let ended = news(Event::TaskEnded { task: Ticket(3), result: Ok(json!(2)) });
    assert_eq!(slow.step("one", vec![ended]).await.expect("a step").effects, [], "the execution still waits");
}
